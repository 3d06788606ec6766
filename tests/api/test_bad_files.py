"""Invalid files, names of files and uploads in parts are refused; two names are two documents."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_refuses_invalid_files(api, settings):
    assert api.upload("a.txt", b"").error == (400, "empty_file", "file")
    assert api.upload("a.txt", b"x", "batch").error == (400, "unsupported_purpose", "purpose")
    assert api.send("files", file=b"x").error == (400, "missing_parameter", "purpose")
    assert api.send("files", purpose="user_data").error == (400, "missing_parameter", "file")
    assert api.send("files", purpose="user_data", file="text").error[:2] == (400, "missing_parameter")
    assert api.post("files", {"purpose": "user_data"}).error[:2] == (400, "missing_parameter")
    extra = api.send("files", file=b"x", purpose="user_data", colour="red")
    assert extra.error == (400, "unknown_parameter", "colour")
    expiring = api.send("files", file=b"x", purpose="user_data", **{"expires_after[seconds]": "60"})
    assert expiring.error[:2] == (400, "unsupported_parameter")
    settings.KOSHA_MAX_UPLOAD_BYTES = 2
    assert api.upload("a.txt", b"xyz").error == (413, "file_too_large", "file")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\boot.ini", "a/../b", "..", "報告\u202efdp.exe", "x" * 256, "部" * 2000],
)
def test_refuses_invalid_file_names(api, name):
    assert api.upload(name, b"x").error == (400, "invalid_file_name", "file")


LONG = "長" * 240


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("総務/規程.txt", "営業/規程.txt"),
        ("規程.txt", "総務/規程.txt"),
        ("2025/総務/規程.txt", "2024/総務/規程.txt"),
        (f"{LONG}一.txt", f"{LONG}二.txt"),
        (f"{LONG}/{LONG}一.txt", f"{LONG}/{LONG}二.txt"),
        ("a&amp;b.txt", "a&b.txt"),
        ("規程.txt", "規程.TXT"),
        ("規程 (1).txt", "規程.txt"),
    ],
)
@pytest.mark.parametrize("by", ["form", "parts"])
def test_two_names_are_two_documents(api, first, second, by):
    made = [_uploaded(api, name, by) for name in (first, second)]
    assert [file["filename"] for file in made] == [first, second]
    assert made[0]["id"] != made[1]["id"]
    assert [file["revision"]["number"] for file in made] == [1, 1]


def _uploaded(api, name, by):
    if by == "form":
        return api.upload(name, b"x").ok
    body = {"filename": name, "bytes": 1, "purpose": "user_data", "mime_type": "text/plain"}
    upload = api.post("uploads", body).ok["id"]
    part = api.send(f"uploads/{upload}/parts", data=b"x").ok["id"]
    return api.post(f"uploads/{upload}/complete", {"part_ids": [part]}).ok["file"]


def test_refuses_a_broken_multipart_body(api):
    for raw, boundary in ((b"--x\r\nnonsense", "; boundary=x"), (b"nonsense", "")):
        headers = {"Content-Type": f"multipart/form-data{boundary}"}
        assert api.post("files", raw, headers=headers).status == 400
    assert api.upload("a.txt", b"x", "user\x00data").error[:2] == (400, "invalid_characters")


def test_refuses_invalid_uploads_in_parts(api):
    body = {"filename": "a.txt", "bytes": 3, "purpose": "user_data", "mime_type": "text/plain"}
    assert api.post("uploads", {**body, "bytes": 0}).error == (400, "empty_file", "bytes")
    assert api.post("uploads", {**body, "bytes": 10**40}).error == (413, "file_too_large", "bytes")
    assert api.post("uploads", {**body, "filename": "/"}).error == (400, "invalid_file_name", "filename")
    assert api.post("uploads", {**body, "mime_type": "x" * 300}).error[2] == "mime_type"
    upload = api.post("uploads", body).ok["id"]
    empty_form = {"Content-Type": "multipart/form-data; boundary=x"}
    without_data = api.post(f"uploads/{upload}/parts", b"--x--\r\n", headers=empty_form)
    assert without_data.error == (400, "missing_parameter", "data")
    assert api.send(f"uploads/{upload}/parts", data=b"").error == (400, "empty_part", "data")
    assert api.post(f"uploads/{upload}/complete", {"part_ids": ["p"]}).error == (
        404,
        "not_found",
        "part_ids.0",
    )
    assert api.post(f"uploads/{upload}/complete", {"part_ids": []}).error == (
        400,
        "invalid_value",
        "part_ids",
    )
