"""The type of a text file is found in time that grows with its length only, whatever the file begins with."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workers.contract.media_types import MediaType
from workers.engines.ingest.file_types import detect

HOSTILE_BEGINNINGS = {
    "comments": b"<!---->",
    "comments with space between": b"<!-- a -->  \n",
    "comments that do not end": b"<!-- a ",
    "declarations that do not end": b"<?xml ",
    "spaces": b" ",
    "document types": b"<!doctype ",
}


def _detect(path: Path) -> MediaType:
    with open(path, "rb") as file:
        return detect(file, "page")


@pytest.mark.parametrize("unit", HOSTILE_BEGINNINGS.values(), ids=HOSTILE_BEGINNINGS)
def test_hostile_beginnings_take_no_time(tmp_path, unit):
    path = tmp_path / "blob"
    path.write_bytes(unit * (8192 // len(unit)))
    begun = time.process_time()
    assert _detect(path) == "text/plain"
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"<html>", "text/html"),
        (b" \n<!-- a --><!-- b -->\n<!DOCTYPE  html>", "text/html"),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<HTML lang='ja'>", "text/html"),
        (b"<body class='a'>", "text/html"),
        (b"<bodyguard>", "text/plain"),
        (b"<!-- <html> ", "text/plain"),
        (b'{ "messages": []}', "application/jsonl"),
        (b"plain", "text/plain"),
    ],
)
def test_type_of_a_text_by_its_beginning(tmp_path, content: bytes, media_type: MediaType):
    path = tmp_path / "blob"
    path.write_bytes(content)
    assert _detect(path) == media_type
