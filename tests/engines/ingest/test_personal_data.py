"""Personal data are found when a document is read, and kept as spans beside its pages."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest import documents
from tests.engines.ingest.test_mail import attach, written
from workers.contract.artifacts import read_manifest
from workers.contract.personal_data import PERSONAL_DATA_FILE, PageFinds, PersonalData, by_page, masked_page
from workers.contract.records import Page
from workers.engines.ingest.engine import read_file

TEXT = "電話 03-1234-5678\n番号 4071 8362 9509\n自宅 滋賀県葦辺市本町一丁目5番22号\n問合せ taro@example.co.jp"
MASKED = "電話 〔電話番号〕\n番号 〔マイナンバー〕\n自宅 〔住所〕\n問合せ 〔メールアドレス〕"
ROSTER = documents.workbook({"名簿": [["氏名", "携帯"], ["山田太郎", "090-1234-5678"]]})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("連絡先.txt", TEXT.encode(), MASKED),
        ("連絡先.pdf", documents.pdf([TEXT.replace("\n", "。\n").split("\n")]), MASKED.replace("\n", "。\n")),
        ("名簿.xlsx", ROSTER, "氏名 | 携帯\n〔氏名〕 | 〔電話番号〕"),
        ("規則.txt", "第5条 休暇は10日とする。".encode(), "第5条 休暇は10日とする。"),
    ],
)
def test_the_spans_are_beside_the_pages(run, spec_for, name, content, expected):
    read_file(run, spec_for(name, content))
    (page,) = map(Page.model_validate, read_jsonl(run.output_dir / "rev-1" / "pages.jsonl"))
    finds = [
        PersonalData.model_validate(line)
        for line in read_jsonl(run.output_dir / "rev-1" / PERSONAL_DATA_FILE)
    ]
    shown = masked_page(page, by_page(finds)[page.number]) if finds else page
    assert shown.text == expected
    assert [row for table in shown.tables for row in table.rows[1:]] == (
        [("〔氏名〕", "〔電話番号〕")] if page.tables else []
    )
    files = read_manifest(run.output_dir / "rev-1")["files"]
    assert PERSONAL_DATA_FILE in {entry["path"] for entry in files}


TITLE, HIDDEN = "担当者:山田太郎様の件", "担当者:〔氏名〕様の件"
PAGE = f"<title>{TITLE}</title><h1>{TITLE}</h1><p>本文です。</p><h2>山田太郎</h2><p>担当者:山田太郎様</p>".encode()
NAMED = {
    "title and headings": ("a.html", PAGE),
    "name of a sheet": (
        "a.xlsx",
        documents.workbook({TITLE.replace(":", " "): [["区分", "値"], ["甲", "乙"]]}),
    ),
    "subject and attachments": (
        "a.eml",
        bytes(attach(attach(written(TITLE), f"{TITLE}.txt", "本文".encode()), f"{TITLE}.bin", bytes(9))),
    ),
}


@pytest.mark.parametrize(("name", "content"), NAMED.values(), ids=NAMED)
def test_what_a_document_calls_itself_and_its_parts_is_masked(run, spec_for, name, content):
    result = read_file(run, spec_for(name, content))
    folder = run.output_dir / "rev-1"
    finds = by_page(map(PersonalData.model_validate, read_jsonl(folder / PERSONAL_DATA_FILE)))
    pages = list(map(Page.model_validate, read_jsonl(folder / "pages.jsonl")))
    raw = [str(page.model_dump()) for page in pages] + [str((result.title, result.warnings))]
    shown = [str(masked_page(page, finds.get(page.number, PageFinds())).model_dump()) for page in pages]
    shown.append(str((result.masked_title, result.masked_warnings)))
    assert "山田太郎" in "".join(raw) and "山田太郎" not in "".join(shown)
    assert result.title is None or result.masked_title == HIDDEN
    assert [each.split(":")[:2] for each in result.masked_warnings] == [
        each.split(":")[:2] for each in result.warnings
    ]
