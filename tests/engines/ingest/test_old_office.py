"""Old Office files are converted by LibreOffice in a sandbox of its own; without it workbooks are read and the others refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.ole2_files import ole2
from workers.contract.media_types import DOC, PPT, XLS
from workers.engines.ingest import old_office
from workers.engines.ingest.engine import read_file
from workers.engines.ingest.sandbox import office
from workers.engines.shared.runtime import UserError

PRICES = (Path(__file__).parent / "files" / "prices.xls").read_bytes()
"""Made by LibreOffice: a sheet with merged names, dates, a percentage, a hidden row, and a hidden sheet."""
OLD_WORD = ole2({"WordDocument": bytes(5000)})
OLD_SLIDES = ole2({"PowerPoint Document": bytes(5000)})
NEEDS_OFFICE = pytest.mark.skipif(office.office_program() is None, reason="LibreOffice is not installed")


@pytest.fixture
def without_office(monkeypatch):
    monkeypatch.setattr(old_office, "office_program", lambda: None)


def _pages(run):
    return [json.loads(line) for line in (run.output_dir / "rev-1" / "pages.jsonl").read_text().splitlines()]


def _log(run):
    return (run.directory / "events.jsonl").read_text()


def test_an_old_workbook_is_read_without_libreoffice(run, spec_for, without_office):
    result = read_file(run, spec_for("prices.xls", PRICES))
    assert (result.media_type, result.warnings) == (
        XLS,
        ("hidden_sheets_skipped:1", "number_formats_not_read"),
    )
    (page,) = _pages(run)
    assert (page["kind"], page["label"]) == ("sheet", "価格")
    assert page["tables"][0]["rows"][:3] == [
        ["区分", "価格 国内", "価格 輸出", "日付", "率"],
        ["A", "1200", "1500", "2026-04-01", "0.25"],
        ["B", "80.5", "", "2026-04-01 09:30:00", "2400"],
    ]


@pytest.mark.parametrize(("name", "content"), [("a.doc", OLD_WORD), ("a.ppt", OLD_SLIDES)])
def test_the_others_are_refused_with_what_to_do_without_libreoffice(
    run, spec_for, without_office, name, content
):
    with pytest.raises(UserError) as refused:
        read_file(run, spec_for(name, content))
    assert refused.value.code == "user.old_office_format"
    assert ".docx or .pptx" in refused.value.message and "LibreOffice" in refused.value.message


def test_a_broken_workbook_is_damage(run, spec_for, without_office):
    for content in (
        PRICES[:3000],
        ole2({"Workbook": b"\x09\x08" + bytes(600)}),
        ole2({"Workbook": bytes(5000)}),
    ):
        with pytest.raises(UserError) as refused:
            read_file(run, spec_for("a.xls", content))
        assert refused.value.code in ("user.damaged_file", "user.no_text")


def made(tmp_path: Path, name: str, content: bytes, ending: str) -> bytes:
    """The document as LibreOffice writes it in an old format."""
    source = tmp_path / name
    source.write_bytes(content)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        ending,
        "--outdir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return source.with_suffix(f".{ending}").read_bytes()


PRESENTATION = """<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" office:version="1.3"
 office:mimetype="application/vnd.oasis.opendocument.presentation"><office:body><office:presentation><draw:page><draw:frame
 svg:width="9cm" svg:height="3cm"><draw:text-box><text:p>旅費の規程。</text:p></draw:text-box></draw:frame></draw:page>
</office:presentation></office:body></office:document>"""
WORD = documents.word(lambda document: document.add_paragraph("旅費の規程。"))
OLD_FILES = {
    "a.doc": ("a.docx", WORD, DOC),
    "a.ppt": ("a.fodp", PRESENTATION.encode(), PPT),
    "a.xls": ("a.xlsx", documents.workbook({"表": [["旅費の規程。"]]}), XLS),
}


@NEEDS_OFFICE
@pytest.mark.slow
@pytest.mark.parametrize("name", OLD_FILES)
def test_is_read_as_the_new_format_that_it_is_converted_to(run, spec_for, tmp_path, name):
    source, content, media_type = OLD_FILES[name]
    old = made(tmp_path, source, content, name[2:])
    assert old.startswith(b"\xd0\xcf\x11\xe0")
    result = read_file(run, spec_for(name, old))
    assert (result.media_type, result.warnings) == (media_type, ())
    assert [page["text"] for page in _pages(run)] == ["旅費の規程。"]
    assert "office_converted" in _log(run)
    assert not list(run.directory.glob("converted*"))


@NEEDS_OFFICE
@pytest.mark.slow
def test_a_converted_workbook_has_its_values_as_they_are_shown(run, spec_for):
    result = read_file(run, spec_for("prices.xls", PRICES))
    assert result.warnings == ("hidden_sheets_skipped:1", "hidden_rows_skipped:1:価格!5")
    assert _pages(run)[0]["tables"][0]["rows"][1] == ["A", "1,200", "1500", "2026年4月1日", "25%"]


@NEEDS_OFFICE
@pytest.mark.slow
def test_without_namespaces_libreoffice_is_not_started(run, spec_for, monkeypatch):
    def refused(folders, place, *, workspace_bytes):
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(office, "enter_namespaces", refused)
    assert "number_formats_not_read" in read_file(run, spec_for("prices.xls", PRICES)).warnings
    assert "office_not_confined" in _log(run)


@NEEDS_OFFICE
@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "code"),
    [({"parse_seconds": 0.2}, "parse_timeout"), ({}, "damaged_file")],
    ids=["time", "garbage"],
)
def test_a_conversion_has_its_limits(run, spec_for, limits, code):
    content = OLD_WORD if not limits else PRICES
    with pytest.raises(UserError) as refused:
        read_file(run, spec_for("a.doc", content, **limits))
    assert refused.value.code == f"user.{code}"


def test_the_program_is_found_beside_its_script(tmp_path, monkeypatch):
    program = tmp_path / "office" / "program"
    program.mkdir(parents=True)
    for name in ("soffice", "soffice.bin"):
        (program / name).write_text("#!/bin/sh\n")
        (program / name).chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "soffice").symlink_to(program / "soffice")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert shutil.which("soffice")
    assert office.office_program() == program / "soffice.bin"
