"""Files and uploads in parts over the API, and the words for a place in a document."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import translation

from documents.places import Passage, passage_of, place_text, place_url

UPLOAD = {"filename": "規程.txt", "bytes": 6, "purpose": "user_data", "mime_type": "text/plain"}


# -- files --------------------------------------------------------------------------------------
def test_uploaded_file_is_listed_downloaded_and_deleted(api):
    made = api.upload("規程.txt", "第1条".encode()).ok
    path = f"files/{made['id']}"
    known = {"filename": "規程.txt", "bytes": 7, "status": "uploaded", "status_details": None}
    assert {name: made[name] for name in known} == known
    assert api.get(path).ok == made
    assert api.get("files").ok["data"] == api.get("files", purpose="user_data").ok["data"] == [made]
    assert api.get("files", purpose="fine-tune").ok["data"] == []
    assert api.get(f"{path}/content").content == "第1条".encode()
    assert api.delete(path).ok == {"id": made["id"], "object": "file", "deleted": True}
    for absent in (api.get(path), api.get(f"{path}/content"), api.delete(path)):
        assert absent.error == (404, "not_found", None)


# -- uploads in parts ---------------------------------------------------------------------------
def test_completed_upload_becomes_a_file(api):
    upload = api.post("uploads", UPLOAD).ok
    path = f"uploads/{upload['id']}"
    parts = [api.send(f"{path}/parts", data=part).ok for part in (b"abc", b"def")]
    assert {part["upload_id"] for part in parts} == {upload["id"]}
    done = api.post(f"{path}/complete", {"part_ids": [part["id"] for part in parts]}).ok
    assert (upload["status"], upload["file"], done["status"]) == ("pending", None, "completed")
    assert api.get(f"files/{done['file']['id']}/content").content == b"abcdef"
    assert api.post(f"{path}/cancel").error == (409, "upload_not_pending", None)


def test_cancelled_upload_becomes_no_file(api):
    upload = api.post("uploads", UPLOAD).ok
    path = f"uploads/{upload['id']}"
    part = api.send(f"{path}/parts", data=b"abcdef").ok
    assert api.post(f"{path}/cancel").ok == {**upload, "status": "cancelled"}
    assert api.post(f"{path}/complete", {"part_ids": [part["id"]]}).error == (409, "upload_not_pending", None)
    assert api.get("files").ok["data"] == []


# -- places -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "label", "cells", "text"),
    [
        ("page", None, None, "page 3"),
        ("slide", None, None, "slide 3"),
        ("sheet", "FAQ", "B2:C2", "sheet “FAQ” B2:C2"),
        ("sheet", None, None, "sheet “3”"),
        ("section", "第3条", None, "第3条"),
        ("section", None, None, "section 3"),
    ],
)
def test_place_is_named_by_its_kind(kind, label, cells, text):
    with translation.override("en"):
        assert place_text(kind=kind, number=3, label=label, cells=cells) == text


@pytest.mark.parametrize(
    ("passage", "query"),
    [
        (Passage(), ""),
        (Passage(start=12, end=40), "&start=12&end=40"),
        (Passage(start=0, end=4, personal_data="masked"), "&start=0&end=4&text=masked"),
        (Passage(cells="A5:C5"), "&cells=A5%3AC5"),
        (Passage(cells="A2:C2", table=0), "&cells=A2%3AC2&table=0"),
    ],
)
def test_address_of_a_passage_opens_its_page_and_names_it(passage, query):
    address = place_url("file-1", 3, "rev_1", passage)
    assert address == f"/documents/file-1?page=3&revision=rev_1{query}#page-3"
    assert passage_of(dict(parse_qsl(urlsplit(address).query))) == passage


@pytest.mark.parametrize(
    "query",
    [{"start": "x", "end": "-1"}, {"cells": "A1"}, {"end": "9" * 40}, {"table": "１"}, {"cells": "<b>"}],
)
def test_an_address_that_makes_no_sense_names_no_passage(query):
    assert passage_of(query) == Passage()
