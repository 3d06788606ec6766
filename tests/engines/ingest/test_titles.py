"""A title that a program filled in is none."""

from __future__ import annotations

import pytest

from tests.engines.ingest import documents
from workers.engines.ingest.engine import read_file
from workers.engines.ingest.titles import own_title

NONE = [
    "untitled", "Untitled", "Untitled-1", "Untitled Document", "無題", "無題 1", "無題のドキュメント", "名称未設定",
    "Microsoft Word - 規程.docx", "Microsoft PowerPoint - 資料", "PowerPoint プレゼンテーション", "Document1", "文書 1",
    "(anonymous)", " ", "", None,
]  # fmt: skip
OWN = [
    "旅費規程",
    "文書",
    "文書管理規程",
    "Document control",
    "無題の章について",
    "Untitled works of 2020",
    "Word - 入門",
]


@pytest.mark.parametrize("title", NONE)
def test_a_default_of_a_program_is_no_title(title):
    assert own_title(title) is None


@pytest.mark.parametrize("title", OWN)
def test_what_a_person_wrote_stays(title):
    assert own_title(title) == title


def test_a_pdf_of_a_program_without_a_title_has_none(run, spec_for):
    assert (
        read_file(run, spec_for("a.pdf", documents.pdf([["本文の一枚目です。"]], title="untitled"))).title
        is None
    )
