"""Pairs of question and answer: where each comes from, its review, and what becomes of it with its document."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import InvalidRequest, NotFound
from curation.models import Pair
from curation.pairs import (
    LONGEST_TEXT,
    pair_create_corrected,
    pair_create_generated,
    pair_create_written,
    pair_delete,
    pair_review,
    pair_update,
)
from curation.selectors import pair_get, pair_list, pair_origin
from documents.services import document_delete
from tests.world import World
from workers.contract.records import RECORD, CorrectionOrigin, PairRecord, Source, Span, WrittenOrigin

TEXT = "第1条 日当は三千円とする。"


def write(world: World, question: str = "日当は?", answer: str = "三千円です。") -> Pair:
    return pair_create_written(question=question, answer=answer, actor=world.actor)


def span_in(document, *, end: int = 8, **place) -> Span:
    source = Source(
        **{
            "document_id": document.id,
            "revision_id": document.current_revision_id,
            "document_name": "as the caller calls it",
            "kind": "sheet",
            "number": 1,
            **place,
        }
    )
    return Span(source=source, start=0, end=end)


def generate(world: World, document, **options) -> Pair:
    return pair_create_generated(
        question="日当は?",
        answer="三千円です。",
        generator="gemma",
        actor=world.actor,
        **{"span": span_in(document), **options},
    )


def actions(target_id: str) -> list[str]:
    events = AuditEvent.objects.filter(target_id=target_id).order_by("id")
    return [event.action for event in events]


# -- creating ---------------------------------------------------------------------------------
def test_a_written_pair_is_a_draft_by_its_author(world):
    pair = write(world, question="  日当は?\n")
    assert (pair.question, pair.state, pair.revision) == ("日当は?", "draft", None)
    assert pair_origin(pair) == WrittenOrigin(pair_id=pair.id, author_id=world.actor.id)
    assert actions(pair.id) == ["pair.created"]


def test_a_corrected_pair_names_the_answer_that_was_corrected(world):
    pair = pair_create_corrected(
        question="日当は?",
        answer="三千円です。",
        conversation_id="conv_1",
        message_id="msg_1",
        actor=world.actor,
    )
    assert pair_origin(pair) == CorrectionOrigin(
        pair_id=pair.id, author_id=world.actor.id, conversation_id="conv_1", message_id="msg_1"
    )


def test_a_generated_pair_names_its_passage_as_the_document_states_it(world):
    document = world.document("規程.txt", TEXT)
    pair = generate(world, document)
    origin = pair_origin(pair)
    assert (origin.type, origin.pair_id, origin.generator) == ("generated", pair.id, "gemma")
    assert (origin.span.source.document_name, origin.span.source.kind) == ("規程.txt", "page")
    assert (origin.span.start, origin.span.end) == (0, 8)
    assert pair.revision == document.current_revision


def test_the_origin_of_a_pair_is_that_of_a_record(world):
    pair = generate(world, world.document("規程.txt", TEXT))
    record = PairRecord(id="p", question=pair.question, answer=pair.answer, origin=pair_origin(pair))
    assert RECORD.validate_json(record.model_dump_json()).origin.pair_id == pair.id


@pytest.mark.parametrize(
    ("text", "code"),
    [(" \n", "empty_text"), ("あ" * (LONGEST_TEXT + 1), "text_too_long"), ("あ\x00い", "invalid_text")],
)
@pytest.mark.parametrize("param", ["question", "answer"])
def test_refuses_a_text_that_cannot_be_kept(world, param, text, code):
    with pytest.raises(InvalidRequest) as refused:
        write(world, **{param: text})
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not Pair.objects.exists()


@pytest.mark.parametrize(
    ("place", "param"),
    [
        ({"document_id": "file-absent"}, "span.source.document_id"),
        ({"revision_id": "rev_absent"}, "span.source.revision_id"),
        ({"number": 2}, "span.source.number"),
    ],
)
def test_refuses_a_passage_that_does_not_exist(world, place, param):
    document = world.document("規程.txt", TEXT)
    with pytest.raises(NotFound) as refused:
        generate(world, document, span=span_in(document, **place))
    assert refused.value.param == param


def test_refuses_a_passage_beyond_the_end_of_its_page(world):
    document = world.document("規程.txt", TEXT)
    generate(world, document, span=span_in(document, end=len(TEXT)))
    with pytest.raises(InvalidRequest) as refused:
        generate(world, document, span=span_in(document, end=len(TEXT) + 1))
    assert (refused.value.code, refused.value.param) == ("span_out_of_range", "span.end")


def test_refuses_a_passage_of_a_document_that_is_unread_deleted_or_another_organizations(world):
    unread = world.upload("未読.txt", TEXT)
    deleted = world.document("旧.txt", TEXT)
    document_delete(document_id=deleted.id, actor=world.actor)
    with World("yoso") as other:
        foreign = other.document("他社.txt", TEXT)
    for document, param in ((unread, "revision_id"), (deleted, "document_id"), (foreign, "document_id")):
        with pytest.raises(NotFound) as refused:
            generate(world, document)
        assert refused.value.param == f"span.source.{param}"


# -- review and change ------------------------------------------------------------------------
def test_a_review_replaces_the_one_before_and_repeating_it_changes_nothing(world):
    pair = write(world)
    for approve in (True, True, False, False):
        pair = pair_review(pair=pair, approve=approve, actor=world.actor)
    assert pair.state == "rejected"
    assert actions(pair.id) == ["pair.created", "pair.approved", "pair.rejected"]


def test_a_changed_pair_must_be_reviewed_again(world):
    pair = pair_review(pair=write(world), approve=True, actor=world.actor)
    same = pair_update(pair=pair, question=f" {pair.question}", answer=pair.answer, actor=world.actor)
    assert same.state == "approved"
    changed = pair_update(pair=pair, question=pair.question, answer="五千円です。", actor=world.actor)
    assert (changed.answer, changed.state) == ("五千円です。", "draft")
    assert actions(pair.id) == ["pair.created", "pair.approved", "pair.updated"]


def test_a_deleted_pair_is_gone_for_every_later_change(world):
    pair = write(world)
    pair_delete(pair=Pair.objects.get(pk=pair.id), actor=world.actor)
    for change in (
        lambda: pair_update(pair=pair, question="問い", answer="答え", actor=world.actor),
        lambda: pair_review(pair=pair, approve=True, actor=world.actor),
        lambda: pair_delete(pair=pair, actor=world.actor),
        lambda: pair_get(pair.id),
    ):
        with pytest.raises(NotFound):
            change()
    assert actions(pair.id) == ["pair.created", "pair.deleted"]


# -- reading and deletion ---------------------------------------------------------------------
def test_pairs_are_listed_by_state_and_origin(world):
    written, generated = write(world), generate(world, world.document("規程.txt", TEXT))
    pair_review(pair=written, approve=True, actor=world.actor)
    assert set(pair_list()) == {written, generated}
    assert list(pair_list(state="approved")) == [written]
    assert list(pair_list(origin_type="generated")) == [generated]
    assert list(pair_list(state="approved", origin_type="generated")) == []
    assert pair_get(written.id) == written


def test_another_organization_sees_no_pair(world):
    pair = write(world)
    with World("yoso"):
        assert not pair_list().exists()
        with pytest.raises(NotFound):
            pair_get(pair.id, param="pair")


def test_deleting_a_document_deletes_the_pairs_generated_from_any_of_its_revisions(world):
    document = world.document("規程.txt", TEXT)
    first = generate(world, document)
    renewed = world.document("規程.txt", TEXT + "第2条")
    second = generate(world, renewed)
    other = generate(world, world.document("別.txt", TEXT))
    written = write(world)
    assert first.revision_id != second.revision_id
    document_delete(document_id=document.id, actor=world.actor)
    assert set(pair_list()) == {other, written}
    assert actions(document.id)[-1] == "pair.deleted"
    assert AuditEvent.objects.filter(action="pair.deleted").get().data == {"pairs": 2}


def test_deleting_a_document_without_pairs_says_nothing_about_pairs(world):
    document = world.document("規程.txt", TEXT)
    document_delete(document_id=document.id, actor=world.actor)
    assert "pair.deleted" not in actions(document.id)
