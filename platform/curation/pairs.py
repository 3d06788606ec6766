"""Writes: pairs of question and answer that are kept apart from documents, and their review.

A pair is made as a draft and is used for training only while it is approved.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common.errors import InvalidRequest, NotFound
from common.ids import new_id
from common.text import storable
from curation.models import Pair, PairState
from curation.spans import span_check
from documents.models import Document, Revision
from workers.contract.records import CorrectionOrigin, GeneratedOrigin, PairOrigin, Span, WrittenOrigin

LONGEST_TEXT = 20_000


@transaction.atomic
def pair_create_written(*, question: str, answer: str, actor: Actor) -> Pair:
    """A pair that `actor` wrote. Raises InvalidRequest `empty_text`, `text_too_long`, `invalid_text`."""
    pair_id = new_id("pair_")
    return _create(question, answer, WrittenOrigin(pair_id=pair_id, author_id=actor.id), actor)


@transaction.atomic
def pair_create_corrected(
    *, question: str, answer: str, conversation_id: str, message_id: str, actor: Actor
) -> Pair:
    """A pair of a question in a chat and the answer that `actor` put in place of the model's.

    Raises InvalidRequest as `pair_create_written` does.
    """
    origin = CorrectionOrigin(
        pair_id=new_id("pair_"), author_id=actor.id, conversation_id=conversation_id, message_id=message_id
    )
    return _create(question, answer, origin, actor)


@transaction.atomic
def pair_create_generated(*, question: str, answer: str, generator: str, span: Span, actor: Actor) -> Pair:
    """A pair that `generator` made from a passage of a document.

    Raises InvalidRequest as `pair_create_written` does, and as `span_check` does.
    """
    revision, span = span_check(span, param="span")
    origin = GeneratedOrigin(pair_id=new_id("pair_"), generator=generator, span=span)
    return _create(question, answer, origin, actor, revision)


def _create(
    question: str, answer: str, origin: PairOrigin, actor: Actor, revision: Revision | None = None
) -> Pair:
    pair = Pair.objects.create(
        id=origin.pair_id,
        question=text_check(question, param="question"),
        answer=text_check(answer, param="answer"),
        origin=origin.model_dump(mode="json"),
        revision=revision,
    )
    _audit(pair, actor, "pair.created", origin=origin.type)
    return pair


@transaction.atomic
def pair_update(*, pair: Pair, question: str, answer: str, actor: Actor) -> Pair:
    """Change the texts; a pair that changes must be reviewed again. Raises as `pair_create_written`, and NotFound."""
    pair = _locked(pair)
    texts = (text_check(question, param="question"), text_check(answer, param="answer"))
    if texts == (pair.question, pair.answer):
        return pair
    pair.question, pair.answer = texts
    pair.state = PairState.DRAFT
    pair.save(update_fields=["question", "answer", "state"])
    _audit(pair, actor, "pair.updated")
    return pair


@transaction.atomic
def pair_review(*, pair: Pair, approve: bool, actor: Actor) -> Pair:
    """Approve or reject; a later review replaces the earlier one. Raises NotFound."""
    pair = _locked(pair)
    state = PairState.APPROVED if approve else PairState.REJECTED
    if pair.state != state:
        pair.state = state
        pair.save(update_fields=["state"])
        _audit(pair, actor, f"pair.{state}")
    return pair


@transaction.atomic
def pair_delete(*, pair: Pair, actor: Actor) -> None:
    """Raises NotFound."""
    pair = _locked(pair)
    _audit(pair, actor, "pair.deleted")
    pair.delete()


def pairs_erase(document: Document, actor: Actor) -> None:
    """Delete the pairs that were generated from a document that is being deleted: they hold its text."""
    count, _by_model = Pair.objects.filter(revision__document=document).delete()
    if count:
        audit_record(
            organization_id=document.organization_id,
            actor=actor,
            action="pair.deleted",
            target_type="document",
            target_id=document.id,
            data={"pairs": count},
        )


def text_check(text: str, *, param: str) -> str:
    """The text without surrounding space. Raises InvalidRequest `empty_text`, `text_too_long`, `invalid_text`."""
    text = text.strip()
    if not text:
        raise InvalidRequest("empty_text", _("This text is empty. Write something."), param=param)
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(
            "text_too_long",
            _("This text has more than %(limit)d characters. Shorten it.") % {"limit": LONGEST_TEXT},
            param=param,
        )
    if not storable(text):
        raise InvalidRequest(
            "invalid_text", _("This text holds characters that cannot be stored. Remove them."), param=param
        )
    return text


def _locked(pair: Pair) -> Pair:
    found: Pair | None = Pair.objects.select_for_update(no_key=True).filter(pk=pair.pk).first()
    if found is None:
        raise NotFound
    return found


def _audit(pair: Pair, actor: Actor, action: str, **data: Any) -> None:
    audit_record(
        organization_id=pair.organization_id,
        actor=actor,
        action=action,
        target_type="pair",
        target_id=pair.id,
        data=data,
    )
