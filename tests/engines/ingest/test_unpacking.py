"""ZIP archives in e-mails are read as the files in them; archives that are not safe are refused by name."""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
from collections.abc import Mapping

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.test_mail import attach, written
from workers.contract.artifacts import file_sha256, verify_manifest
from workers.contract.listing import FILES_FOLDER, read_listing
from workers.contract.media_types import XLSX, ZIP
from workers.engines.ingest.engine import read_file
from workers.engines.ingest.parsers.unpacking import packed_files
from workers.engines.shared.runtime import UserError

MOST = 50 * 1024 * 1024
BOOK = documents.workbook({"価格": [["品名", "価格"], ["ねじ", 100]]})


def packed(files: Mapping[str, bytes], *, mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def names(content: bytes) -> list[str]:
    return [name for name, _ in packed_files(content, MOST)]


def test_names_are_those_that_were_given():
    files = {
        "総務/規程.txt": b"a",
        "b.txt": b"b",
        "__MACOSX/._b.txt": b"c",
        "総務/.DS_Store": b"d",
        "空/": b"",
    }
    assert names(packed(files)) == ["総務/規程.txt", "b.txt"]


def test_names_of_windows_and_macos_are_read():
    """Neither marks its names as UTF-8. A short name alone could be in EUC-JP."""
    raw = packed({"x" * 6: b"a", "y" * 12: b"a"})
    raw = raw.replace(b"x" * 6, "ﾃｽﾄ表".encode("cp932") + b"1").replace(
        b"y" * 12, "規程集一.txt".encode("cp932")
    )
    assert names(raw) == ["ﾃｽﾄ表1", "規程集一.txt"]
    raw = packed({"x" * 12: b"a"}).replace(b"x" * 12, "規程集一.txt".encode("cp932"))
    assert names(raw) == ["規程集一.txt"]
    raw = packed({"x" * 13: b"a"}).replace(b"x" * 13, "規程集.txt".encode())
    assert names(raw) == ["規程集.txt"]


UNSAFE = {
    "a parent": packed({"../a.txt": b"a"}),
    "a parent of Windows": packed({"a\\..\\..\\b.txt": b"a"}),
    "the root": packed({"/etc/passwd": b"a"}),
    "a drive": packed({"C:/a.txt": b"a"}),
    "a link": packed({"a.txt": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777),
}
BAD = {name: (content, "unsafe_archive") for name, content in UNSAFE.items()} | {
    "a bomb": (packed({"a.txt": bytes(30 * 1024 * 1024)}), "archive_too_large"),
    "more than is allowed": (packed({"a.txt": bytes(MOST + 1)}), "archive_too_large"),
    "a part that is cut off": (packed({"a.txt": b"a" * 99})[:-10], "damaged_file"),
}


@pytest.mark.parametrize(("content", "code"), BAD.values(), ids=BAD)
def test_bad_archives_have_their_codes(content, code):
    with pytest.raises(UserError) as refused:
        names(content)
    assert refused.value.code == f"user.{code}"


def test_a_password_is_named():
    content = bytearray(packed({"a.txt": b"a"}))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(magic) + at] |= 1
    with pytest.raises(UserError) as refused:
        names(bytes(content))
    assert refused.value.code == "user.encrypted"


def test_archives_in_a_mail_become_its_pages(run, spec_for, parse):
    inner = packed({"奥.txt": "奥の文。".encode()})
    files = {
        "総務/価格.xlsx": BOOK,
        "メモ.txt": "会議は十時。".encode("cp932"),
        "中.zip": inner,
        "a.exe": b"MZ" + bytes(99),
    }
    message = attach(attach(written(), "資料.zip", packed(files)), "危険.zip", UNSAFE["a parent"])
    spec = spec_for("a.eml", message.as_bytes())
    assert [(page.number, page.label) for page in parse(spec)] == [
        (1, None),
        (2, "資料.zip › 総務/価格.xlsx › 価格"),
        (3, "資料.zip › メモ.txt"),
        (4, "資料.zip › 中.zip › 奥.txt"),
    ]
    assert read_file(run, spec).warnings == (
        "attachments_not_read:2:資料.zip › a.exe (wrong_type), 危険.zip (unsafe_archive)",
    )


def test_archives_are_read_twice_deep(run, spec_for):
    content = packed({"a.txt": "奥の文。".encode()})
    for level in range(2):
        content = packed({f"{level}.zip": content})
    result = read_file(run, spec_for("a.eml", attach(written(), "外.zip", content).as_bytes()))
    assert (result.pages, result.warnings) == (
        1,
        ("attachments_not_read:1:外.zip › 1.zip › 0.zip (nested_too_deep)",),
    )


# -- an archive that is uploaded itself ------------------------------------------------------------
def unpacked(run) -> dict[str, bytes]:
    folder = run.output_dir / "rev-1"
    files = {each.name: (folder / FILES_FOLDER / each.stored, each.sha256) for each in read_listing(folder)}
    assert all(file_sha256(path) == sha256 for path, sha256 in files.values())
    return {name: path.read_bytes() for name, (path, _) in files.items()}


def test_an_archive_becomes_the_files_in_it(run, spec_for):
    long = bytes(range(256)) * 5000
    deep = packed({"d.txt": b"deep"})
    for level in range(3):
        deep = packed({f"{level}.zip": deep, f"{level}.txt": b"x"})
    files = {
        "総務/価格.xlsx": BOOK,
        "a.bin": long,
        "空.txt": b"",
        "深.zip": deep,
        "壊.zip": b"PK\x03\x04" + bytes(99),
        "外.zip": UNSAFE["a parent"],
        "__MACOSX/._a": b"x",
        "総務/~$価格.xlsx": b"x",
    }
    result = read_file(run, spec_for("a.zip", packed(files)))
    assert unpacked(run) == {
        "総務/価格.xlsx": BOOK,
        "a.bin": long,
        "空.txt": b"",
        "深.zip/2.txt": b"x",
        "深.zip/2.zip/1.txt": b"x",
        "壊.zip": files["壊.zip"],
    }
    assert (result.media_type, result.pages, result.files) == (ZIP, 0, 6)
    assert result.warnings == (
        "archives_not_unpacked:2:深.zip/2.zip/1.zip (nested_too_deep), 外.zip (unsafe_archive)",
        "debris_skipped:2:__MACOSX/._a, 総務/~$価格.xlsx",
    )
    # The manifest seals what stays when the files have become documents.
    shutil.rmtree(run.output_dir / "rev-1" / FILES_FOLDER)
    verify_manifest(run.output_dir / "rev-1")


REFUSED = BAD | {
    "nothing": (packed({"空/": b"", ".DS_Store": b"x"}), "empty_archive"),
    "a file that is none": (b"not an archive", "wrong_type"),
    "too many files": (packed({str(number): b"" for number in range(10_001)}), "archive_too_large"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_bad_archives_are_refused_as_a_whole(content, code, run, spec_for):
    with pytest.raises(UserError) as refused:
        read_file(run, spec_for("a.zip", content, max_expanded_bytes=MOST))
    assert refused.value.code == f"user.{code}"
    assert not (run.output_dir / "rev-1" / FILES_FOLDER).exists()


def test_a_document_of_office_stays_one_whatever_its_name(run, spec_for):
    assert read_file(run, spec_for("価格.zip", BOOK)).media_type == XLSX
