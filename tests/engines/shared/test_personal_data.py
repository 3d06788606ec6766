"""Where personal data stand in texts, tables and pages, and the texts with tokens in their place."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest

from tests.engines.shared.measure_personal_data import FOLDER, measure
from tests.engines.shared.personal_data_set.make import cases
from workers.contract.blocks import Heading
from workers.contract.personal_data import PersonalSpan, by_page, masked, masked_page
from workers.contract.records import Page, Table
from workers.engines.shared.personal_data import LONGEST_PIECE, find, find_in_table, find_on_page
from workers.engines.shared.text import normalize, row_text

pytestmark = pytest.mark.slow

FINDS = [
    ("電話 03-1234-5678 内線12", [("phone", "03-1234-5678")]),
    ("携帯09012345678、taro@example.co.jp", [("phone", "09012345678"), ("email", "taro@example.co.jp")]),
    ("個人番号 4071 8362 9509", [("my_number", "4071 8362 9509")]),
    ("カード 4111-1111-1111-1111", [("credit_card", "4111-1111-1111-1111")]),
    ("自宅 滋賀県葦辺市本町一丁目5番22号 まで", [("postal_address", "滋賀県葦辺市本町一丁目5番22号")]),
    ("氏名: 山田 太郎 090-1234-5678", [("phone", "090-1234-5678"), ("name", "山田 太郎")]),
    ("個人番号 4071 8362 9508 と 0120-123-456", []),
    ("追跡番号 4071 8362 9509", []),
    ("法人番号 7000012050002", [("corporate_number", "7000012050002")]),
    ("葦辺銀行 普通 1234567", [("bank_account", "普通 1234567")]),
    ("1985年4月1日生まれ、発行日 2024年4月1日", [("birth_date", "1985年4月1日")]),
    ('password = "h7kQ-22x"', [("secret", "h7kQ-22x")]),
    ('password = os.environ["DB_PASSWORD"]', []),
    ("葦辺市本町1-5-22 浅茅宅に集合", [("postal_address", "葦辺市本町1-5-22"), ("name", "浅茅")]),
    ("緊急連絡先 03 (1234) 5678", [("phone", "03 (1234) 5678")]),
    ("部長 鈴木一郎、課長 千葉県", [("name", "鈴木一郎")]),
    ("株式会社青葉 鵲田様、お客様、業者様", [("name", "鵲田")]),
    ("営業部の鈴木です", [("name", "鈴木")]),
    ("本町3丁目から、葦辺町41番地まで", [("postal_address", "葦辺町41番地")]),
    ("第3条第2項、一時帰宅の集合住宅、社員の定年は", []),
    ("soumu@example.co.jp と k.asaji@example.co.jp", [("email", "k.asaji@example.co.jp")]),
    ("https://example.com/items/03-1234-5678", []),
]
"""After a name stands a token when it is looked for: finds are made one kind after the other."""


@pytest.mark.parametrize(("text", "expected"), FINDS)
def test_a_find_names_its_kind_and_its_characters(text, expected):
    found = [(span.kind, text[span.start : span.end]) for span in find(text)]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("part", ["tune", "check"])
def test_the_labelled_set_is_found(part):
    for kind, (found, wanted, right, finds) in measure(part).items():
        least = 0.85 if kind == "name" else 0.98
        assert found >= least * wanted, kind
        assert right >= 0.98 * finds, kind


def test_the_labelled_set_is_what_its_script_writes():
    for part in ("tune", "check"):
        written = (FOLDER / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
        assert written == [
            json.dumps(made, ensure_ascii=False) for of_part, made in cases() if of_part == part
        ]


@pytest.mark.parametrize("dash", "-－−‐‑‒–—―─ーｰ")
def test_a_telephone_number_has_any_dash(dash):
    text = normalize(f"直通電話は03{dash}9999{dash}0101で、当直の者が受ける。")
    assert masked(text, find(text)) == "直通電話は〔電話番号〕で、当直の者が受ける。"


def test_the_parts_of_a_name_are_found_in_their_columns():
    rows = (
        ("社員番号", "姓", "名", "セイ", "メイ", "氏名(漢字)", "フリガナ", "所属"),
        ("1001", "浅茅", "克典", "アサヂ", "カツノリ", "浅茅 克典", "アサヂ カツノリ", "設備保全課"),
    )
    assert set(find_in_table(Table(cells="A1:H2", rows=rows))) == {(1, column) for column in range(1, 7)}


def test_finds_come_in_order_and_do_not_overlap():
    spans = find("氏名: 山田 太郎 090-1234-5678、a@example.com、東京都千代田区千代田1-1")
    assert [span.kind for span in spans] == ["name", "phone", "email", "postal_address"]
    assert all(one.end <= other.start for one, other in pairwise(spans))


ROSTER = Table(
    cells="A1:C4",
    rows=(
        ("氏名", "連絡先", "備考"),
        ("山田 太郎 ", "090-1234-5678 または\na@example.com", ""),
        ("", " 090-1234-5678", "担当者:佐藤次郎"),
        ("総務部長", "なし", "内線12"),
    ),
)
ROSTER_TEXT = "\n".join(map(row_text, ROSTER.rows))


def test_a_cell_is_found_by_its_column():
    found = find_in_table(ROSTER)
    assert {place: [span.kind for span in spans] for place, spans in found.items()} == {
        (1, 0): ["name"],
        (1, 1): ["phone", "email"],
        (2, 1): ["phone"],
        (2, 2): ["name"],
    }


def test_the_lines_of_a_tables_rows_have_the_finds_of_its_cells():
    text = f"電話 03-1234-5678\n\n{ROSTER_TEXT}\n\n担当者: 山田太郎\n"
    page = Page(kind="section", number=7, text=text, tables=(ROSTER,))
    shown = masked_page(page, by_page(find_on_page(page))[7])
    assert shown.text == (
        "電話 〔電話番号〕\n\n氏名 | 連絡先 | 備考\n〔氏名〕 | 〔電話番号〕 または 〔メールアドレス〕\n"
        "〔電話番号〕 | 担当者:〔氏名〕\n総務部長 | なし | 内線12\n\n担当者: 〔氏名〕\n"
    )
    (table,) = shown.tables
    assert table.rows[1][:2] == ("〔氏名〕", "〔電話番号〕 または\n〔メールアドレス〕")
    assert table.rows[2:] == (("", " 〔電話番号〕", "担当者:〔氏名〕"), ROSTER.rows[3])


def test_headings_above_a_page_are_masked():
    page = Page(kind="page", number=7, text="本文。", headings=(Heading(level=1, text="担当者: 山田太郎"),))
    shown = masked_page(page, by_page(find_on_page(page))[7])
    assert [heading.text for heading in shown.headings] == ["担当者: 〔氏名〕"]


def test_a_page_without_personal_data_has_no_finds():
    page = Page(kind="page", number=1, text="第5条 有給休暇は10日とする。")
    assert list(find_on_page(page)) == []


def test_overlapping_spans_are_masked_once():
    spans = [PersonalSpan(kind="name", start=3, end=6), PersonalSpan(kind="phone", start=0, end=4)]
    assert masked("0123456789", spans) == "〔電話番号〕6789"
    assert masked("0123456789", []) == "0123456789"


@pytest.mark.parametrize(
    "text", ["a" * 400_000, "@a." * 100_000, "東京都" * 100_000, "0-" * 200_000, "1 " * 200_000]
)
def test_a_text_made_to_be_slow_is_read_in_time(text):
    started = time.process_time()
    find(text)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("between", ["\n", "あ", "。", " "])
def test_a_long_text_is_read_in_pieces(between):
    """Otherwise the regular expressions keep every other thread waiting, the heartbeat among them."""
    text = f"連絡先 a@b.example{between * LONGEST_PIECE}".join([""] * 4) + "090-1234-5678"
    found = find(text)
    assert [text[span.start : span.end] for span in found] == ["a@b.example"] * 3 + ["090-1234-5678"]
