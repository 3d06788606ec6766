"""Personal data is masked, and nothing that only looks like it."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from workers.contract.records import DocumentOrigin, Source, Table
from workers.contract.specs.curation_steps import PersonalDataStep
from workers.engines.curation.step_context import StepLog
from workers.engines.curation.steps.personal_data import Masking
from workers.engines.curation.units import Unit
from workers.engines.shared.personal.numbers import is_card_number, is_my_number
from workers.engines.shared.personal.shapes import is_person_cell

STEP = PersonalDataStep()


def mask(text: str, step: PersonalDataStep, found: Counter[str]) -> str:
    log = StepLog("personal_data", (), io.StringIO(), masked=found)
    return Masking(step, log).text(text)


def mask_table(table: Table, step: PersonalDataStep) -> Table:
    return Masking(step, StepLog("personal_data", (), io.StringIO())).table(table)


MASKED = [
    ("連絡は taro.yamada+x@example.co.jp まで", "連絡は 〔メールアドレス〕 まで"),
    ("電話 03-1234-5678 内線12", "電話 〔電話番号〕 内線12"),
    ("電話:03(1234)5678", "電話:〔電話番号〕"),
    ("(0776)55-0188", "〔電話番号〕"),
    ("携帯 090-1234-5678、080-0000-7713", "携帯 〔電話番号〕、〔電話番号〕"),
    ("携帯09012345678", "携帯〔電話番号〕"),
    ("+81-90-1234-5678", "〔電話番号〕"),
    ("個人番号 4071 8362 9509", "個人番号 〔マイナンバー〕"),
    ("カード 4111-1111-1111-1111", "カード 〔カード番号〕"),
    ("自宅 滋賀県葦辺市本町一丁目5番22号 メゾン葦辺306号", "自宅 〔住所〕"),
    ("〒100-0001 東京都千代田区千代田1-1", "〔住所〕"),
    ("氏名: 山田 太郎\n所属: 総務部", "氏名: 〔氏名〕\n所属: 総務部"),
    ("担当者:山田太郎様", "担当者:〔氏名〕様"),
    ("防災責任者 浅茅 克典(総務人事部長)", "防災責任者 〔氏名〕(総務人事部長)"),
]
UNTOUCHED = [
    "お客様窓口 0120-123-456、0800-123-4567",
    "個人番号 4071 8362 9508",
    "カード 4111-1111-1111-1112",
    "注文番号 0312345678 と型番 0123-45-678",
    "製造番号 123-4567-8901",
    "2024-04-01から2025-03-31まで",
    "第12条 1,234,567円",
    "東京都および大阪府の最低賃金",
    "担当者: 総務部長",
    "責任者 部長または課長",
    "項目 仕様\n型式 渦巻 様式",
    "版 1.2.3-4567-89",
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_personal_data_is_masked(text, expected):
    found: Counter[str] = Counter()
    assert mask(text, STEP, found) == expected
    assert found.total() == expected.count("〔")


@pytest.mark.parametrize("text", UNTOUCHED)
def test_leaves_other_numbers_and_words_unchanged(text):
    assert mask(text, STEP, Counter()) == text


def test_masks_only_the_chosen_kinds_and_domains():
    step = PersonalDataStep(kinds=("email",), keep_domains=("example.com",))
    assert (
        mask("a@example.com b@example.org 090-1234-5678", step, Counter())
        == "a@example.com 〔メールアドレス〕 090-1234-5678"
    )


def test_masking_again_changes_nothing():
    for text, expected in MASKED:
        assert mask(mask(text, STEP, Counter()), STEP, Counter()) == expected, text


def test_accepts_exactly_one_check_digit():
    assert sum(is_my_number(f"40718362950{digit}") for digit in range(10)) == 1
    assert sum(is_card_number(f"411111111111111{digit}") for digit in range(10)) == 1


def test_distinguishes_names_from_posts():
    assert all(map(is_person_cell, ["山田太郎", "山田 太郎", "佐々木 はな", "スミス ジョン"]))
    assert not any(map(is_person_cell, ["総務部長", "営業担当者", "", "A123", "東京支店"]))


def test_masks_name_columns_and_form_fields():
    def masked(*rows):
        return mask_table(Table(cells="A1:B9", rows=rows), STEP).rows

    column = masked(("氏名", "電話"), ("山田 太郎", "内線12"), ("総務部長", "なし"))
    assert column == (("氏名", "電話"), ("〔氏名〕", "内線12"), ("総務部長", "なし"))
    form = masked(("氏名", "山田太郎"), ("部署", "総務部"), ("電話", "03-1234-5678"))
    assert form == (("氏名", "〔氏名〕"), ("部署", "総務部"), ("電話", "〔電話番号〕"))


def test_the_label_of_a_place_is_masked_with_the_text_that_stands_there():
    place = {"document_id": "d", "revision_id": "r", "document_name": "a.txt", "kind": "section", "number": 1}
    origin = DocumentOrigin(source=Source(**place, label="山田太郎の件"))
    log = StepLog("personal_data", (), io.StringIO())
    masked = Masking(STEP, log).unit(Unit(origin, "担当者:山田太郎様"))
    assert (masked.text, masked.label) == ("担当者:〔氏名〕様", "〔氏名〕の件")
    assert log.masked == {"name": 1}
