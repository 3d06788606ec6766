"""Personal data are found when a document is read, and kept as spans beside its pages."""

from __future__ import annotations

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.ingest import documents
from workers.contract.artifacts import read_manifest
from workers.contract.personal_data import PERSONAL_DATA_FILE, PersonalData, by_page, masked_page
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
    assert PERSONAL_DATA_FILE in {entry["path"] for entry in read_manifest(run.output_dir / "rev-1")["files"]}
