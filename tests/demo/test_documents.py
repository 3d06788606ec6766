"""The demo's documents: complete, equal to their sources, and in agreement with one another."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from demo.build_documents import (
    BUILDERS,
    COMPANY,
    DEMO,
    FIXED_TIME,
    Source,
    parse_blocks,
    parse_sheets,
    plain_text,
    read_sources,
)

SOURCES = {source.target.name: source for source in read_sources()}
DOCUMENTS = DEMO / "documents"


def squeeze(text: str) -> str:
    """Drop what differs between formats without changing a word: white space and bullets."""
    return re.sub(r"[\s・■]", "", unicodedata.normalize("NFKC", text))


def expected_text(source: Source) -> str:
    if source.target.suffix == ".xlsx":
        return "".join(cell for rows in parse_sheets(source.body).values() for row in rows for cell in row)
    return plain_text(parse_blocks(source.body))


def extract(name: str, content: bytes) -> str:
    """The text of a built file, read by libraries the builder does not use where there is another."""
    return {
        ".pdf": _extract_pdf,
        ".docx": _extract_docx,
        ".xlsx": _extract_xlsx,
        ".html": _extract_html,
        ".txt": lambda name, content: content.decode(SOURCES[name].facts.get("encoding", "utf-8")),
    }[Path(name).suffix](name, content)


def _extract_pdf(name: str, content: bytes) -> str:
    import pypdfium2

    foot = re.compile(rf"{COMPANY} {re.escape(Path(name).stem)} \d+\s*")
    with pypdfium2.PdfDocument(content) as document:
        pages = [page.get_textpage().get_text_range() for page in document]
    assert all(len(foot.findall(page)) == 1 for page in pages)
    return "".join(foot.sub("", page) for page in pages)


def _extract_docx(_: str, content: bytes) -> str:
    import docx

    parts = docx.Document(io.BytesIO(content)).element.body.iter("{*}t")
    return "".join(part.text or "" for part in parts)


def _extract_xlsx(_: str, content: bytes) -> str:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    rows = (row for sheet in book for row in sheet.iter_rows(values_only=True))
    return "".join(str(cell) for row in rows for cell in row if cell is not None)


def _extract_html(_: str, content: bytes) -> str:
    from bs4 import BeautifulSoup

    main = BeautifulSoup(content, "lxml").main
    assert main is not None
    return main.get_text()


def test_there_are_enough_documents_of_every_kind() -> None:
    kinds = Counter(path.suffix for path in DOCUMENTS.iterdir())
    assert sum(kinds.values()) >= 30
    assert set(kinds) == set(BUILDERS)
    assert [path.suffix for path in (DEMO / "later").iterdir()] == [".pdf"]


def test_the_folders_hold_what_the_sources_build_and_nothing_else() -> None:
    built = {source.target for source in SOURCES.values()}
    found = {
        path.relative_to(DEMO) for folder in ("documents", "later") for path in (DEMO / folder).iterdir()
    }
    assert found == built


@pytest.mark.parametrize("name", SOURCES)
def test_the_committed_file_has_the_text_of_its_source(name: str) -> None:
    source = SOURCES[name]
    committed = (DEMO / source.target).read_bytes()
    assert squeeze(extract(name, committed)) == squeeze(expected_text(source))


@pytest.mark.parametrize("suffix", BUILDERS)
def test_the_builder_reproduces_the_committed_text(suffix: str) -> None:
    name = next(name for name in SOURCES if name.endswith(suffix))
    rebuilt = BUILDERS[suffix](SOURCES[name])
    assert extract(name, rebuilt) == extract(name, (DEMO / SOURCES[name].target).read_bytes())


def test_office_files_do_not_depend_on_the_time_of_building() -> None:
    for suffix in (".docx", ".xlsx"):
        name = next(name for name in SOURCES if name.endswith(suffix))
        with zipfile.ZipFile(io.BytesIO(BUILDERS[suffix](SOURCES[name]))) as package:
            assert {entry.date_time for entry in package.infolist()} == {FIXED_TIME.timetuple()[:6]}
            stamps = re.findall(r">(\d{4}-\d\d-\d\d)T", package.read("docProps/core.xml").decode())
            assert set(stamps) == {FIXED_TIME.date().isoformat()}


def test_one_text_file_is_shift_jis() -> None:
    def is_utf8(path: Path) -> bool:
        try:
            path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    others = [path for path in DOCUMENTS.glob("*.txt") if not is_utf8(path)]
    assert len(others) == 1
    assert "議事録" in others[0].read_bytes().decode("shift_jis")


def test_the_first_rules_fill_several_pages() -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(DOCUMENTS / "就業規則.pdf") as document:
        assert len(document) >= 5


def faq_rows() -> list[list[str]]:
    return [row for rows in parse_sheets(SOURCES["社内FAQ.xlsx"].body).values() for row in rows[1:] if row]


def test_the_faq_is_long_and_asks_nothing_twice() -> None:
    questions = [row[0] for row in faq_rows()]
    assert len(questions) >= 70
    assert len(set(questions)) == len(questions)


@pytest.mark.parametrize("row", faq_rows(), ids=lambda row: row[0])
def test_each_faq_answer_is_in_the_document_it_names(row: list[str]) -> None:
    _, answer, short, document = row
    source = next(source for name, source in SOURCES.items() if Path(name).stem == document)
    accepted = [squeeze(variant) for variant in short.split("|")]
    text, answer = squeeze(expected_text(source)), squeeze(answer)
    assert any(variant in answer for variant in accepted), "the model answer would be judged wrong"
    assert any(variant in text or variant.replace("円", "").replace(",", "") in text for variant in accepted)


def check_digit(digits: str) -> int:
    """The individual number's check digit, as the ministry's ordinance defines it."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return 0 if rest <= 1 else 11 - rest


def test_one_document_holds_personal_data() -> None:
    text = (DOCUMENTS / "緊急連絡先一覧.txt").read_text(encoding="utf-8")
    found = re.search(r"個人番号 (\d{4}) (\d{4}) (\d{4})", text)
    assert found is not None
    number = "".join(found.groups())
    assert check_digit(number[:11]) == int(number[11])
    assert "@example.co.jp" in text
    assert re.search(r"0[789]0-\d{4}-\d{4}", text)


def test_two_documents_are_near_duplicates() -> None:
    def shingles(name: str) -> set[str]:
        text = squeeze(expected_text(SOURCES[name]))
        return {text[start : start + 5] for start in range(len(text) - 4)}

    old, new = shingles("文書管理規程(2021年版).docx"), shingles("文書管理規程.docx")
    assert old != new
    assert len(old & new) / len(old | new) > 0.85
