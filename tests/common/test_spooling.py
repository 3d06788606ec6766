"""A spooled body has no file name, so that nothing remains when a web process is killed."""

from __future__ import annotations

from io import BytesIO

from django.test import RequestFactory


def test_uploaded_file_is_spooled_without_a_name(tmp_path, settings):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    content = b"x" * 5_000_000
    file = BytesIO(content)
    file.name = "big.bin"
    request = RequestFactory().post("/", {"file": file})
    received = request.FILES["file"]
    assert list(tmp_path.iterdir()) == []
    assert (received.name, received.size) == ("big.bin", len(content))
    assert b"".join(received.chunks()) == content
    assert settings.FILE_UPLOAD_HANDLERS == ["common.spooling.WholeNameUploadHandler"]
