"""Records say where they come from: one class for each kind of origin, told apart by `type`."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from workers.contract.records import (
    ORIGIN,
    RECORD,
    CorrectionOrigin,
    DocumentOrigin,
    GeneratedOrigin,
    ImportedOrigin,
    Page,
    PairRecord,
    RecognizedText,
    Source,
    Span,
    TextLayer,
    WrittenOrigin,
    document_name,
    source_of,
)

SOURCE = Source(document_id="file-1", revision_id="rev_1", document_name="規程.pdf", kind="page", number=3)
ORIGINS = [
    DocumentOrigin(source=SOURCE),
    WrittenOrigin(pair_id="pair_1", author_id="user_1"),
    CorrectionOrigin(pair_id="pair_1", author_id="user_1", conversation_id="conv_1", message_id="msg_1"),
    GeneratedOrigin(pair_id="pair_1", generator="gemma", span=Span(source=SOURCE, start=0, end=12)),
    ImportedOrigin(dataset="JSQuAD 1.3", row=7),
]


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda origin: origin.type)
def test_a_record_keeps_its_origin_on_the_disk(origin):
    record = PairRecord(id="p", question="問い", answer="答え", origin=origin)
    assert RECORD.validate_json(record.model_dump_json()) == record


def test_a_page_says_whether_its_text_was_recognized_in_a_picture():
    page = Page(kind="page", number=1, text="本文。")
    assert Page.model_validate_json(page.model_dump_json()).text_origin == TextLayer()
    scanned = page.model_copy(update={"text_origin": RecognizedText(confidence=0.87)})
    assert Page.model_validate_json(scanned.model_dump_json()) == scanned


def test_every_kind_of_origin_is_in_the_union():
    types = {
        branch["properties"]["type"]["const"]
        for branch in ORIGIN.json_schema()["$defs"].values()
        if "type" in branch["properties"]
    }
    assert types == {origin.type for origin in ORIGINS}


@pytest.mark.parametrize(
    "origin", [{"type": "found"}, {"type": "written"}, {"source": SOURCE.model_dump()}, {"type": "document"}]
)
def test_refuses_an_origin_of_no_known_kind_or_with_missing_fields(origin):
    line = json.dumps({"type": "text", "id": "t", "text": "本文", "origin": origin})
    with pytest.raises(ValidationError):
        RECORD.validate_json(line)


def test_names_the_document_where_there_is_one():
    places = {origin.type: source_of(origin) for origin in ORIGINS}
    assert {type_ for type_, source in places.items() if source == SOURCE} == {"document", "generated"}
    assert [document_name(origin) for origin in ORIGINS] == ["規程.pdf", "", "", "規程.pdf", ""]


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (-1, 5)])
def test_refuses_an_empty_span(start, end):
    with pytest.raises(ValidationError):
        Span(source=SOURCE, start=start, end=end)
