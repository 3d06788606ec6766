"""Office files with macros, and templates, are read as the documents that they are; their macros are bytes like any other."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.engines.ingest import documents
from workers.contract.media_types import DOCX, PPTX, TYPE_OF_ENDING, XLSX
from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError

WORD = documents.word(lambda document: document.add_paragraph("旅費の規程。"))
BOOK = documents.workbook({"表": [["旅費の規程。"]]})
SLIDES = documents.slides(["旅費の規程。"])
VARIANTS = {
    "a.docm": (WORD, "application/vnd.ms-word.document.macroEnabled.main+xml", DOCX),
    "a.dotx": (
        WORD,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
        DOCX,
    ),
    "a.dotm": (WORD, "application/vnd.ms-word.template.macroEnabledTemplate.main+xml", DOCX),
    "a.xlsm": (BOOK, "application/vnd.ms-excel.sheet.macroEnabled.main+xml", XLSX),
    "a.xltx": (BOOK, "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml", XLSX),
    "a.xltm": (BOOK, "application/vnd.ms-excel.template.macroEnabled.main+xml", XLSX),
    "a.pptm": (SLIDES, "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml", PPTX),
    "a.potx": (
        SLIDES,
        "application/vnd.openxmlformats-officedocument.presentationml.template.main+xml",
        PPTX,
    ),
    "a.ppsx": (
        SLIDES,
        "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
        PPTX,
    ),
}


def variant(archive: bytes, main_type: str) -> bytes:
    """The archive with another content type of its main part, and a part as macros have it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "[Content_Types].xml":
                for kind in ("wordprocessingml.document", "spreadsheetml.sheet"):
                    plain = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
                    content = content.replace(plain.encode(), main_type.encode())
            new.writestr(name, content)
        new.writestr("word/vbaProject.bin", b"\xd0\xcf\x11\xe0" + b"Sub AutoOpen()" * 20)
    return buffer.getvalue()


@pytest.mark.parametrize("name", VARIANTS)
def test_is_read_as_the_document_that_it_is(run, spec_for, parse, name):
    archive, main_type, media_type = VARIANTS[name]
    spec = spec_for(name, variant(archive, main_type))
    assert [page.text for page in parse(spec)] == ["旅費の規程。"]
    result = read_file(run, spec)
    assert (result.media_type, result.warnings) == (media_type, ())
    assert TYPE_OF_ENDING[name.removeprefix("a")] == media_type


@pytest.mark.parametrize("name", VARIANTS)
def test_another_format_under_its_name_is_refused(spec_for, parse, name):
    with pytest.raises(UserError) as refused:
        parse(spec_for(name, "ただの文章です。".encode()))
    assert refused.value.code == "user.wrong_type"


def test_a_main_part_of_another_type_is_damage(spec_for, parse):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.docx", variant(WORD, "application/xml")))
    assert refused.value.code == "user.damaged_file"
