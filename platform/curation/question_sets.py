"""Writes: sets of questions with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import Actor, audit_record
from common.errors import Conflict, InvalidRequest, NotFound
from common.locks import unique_or
from curation.models import Question, QuestionSet, QuestionSpan
from curation.pairs import text_check
from curation.spans import span_check
from documents.models import Document
from workers.contract.records import Span

MOST_ACCEPTED = 100
"""Answers or passages of one question."""


@transaction.atomic
def question_set_create(*, name: str, description: str, actor: Actor) -> QuestionSet:
    """Raises Conflict `question_set_exists`."""
    with unique_or(_name_taken()):
        question_set = QuestionSet.objects.create(name=name, description=description)
    _audit(question_set, actor, "question_set.created", name=name)
    return question_set


@transaction.atomic
def question_set_update(
    *, question_set: QuestionSet, name: str, description: str, actor: Actor
) -> QuestionSet:
    """Raises NotFound; Conflict `question_set_exists`."""
    question_set = _locked_set(question_set.pk)
    question_set.name, question_set.description = name, description
    with unique_or(_name_taken()):
        question_set.save(update_fields=["name", "description"])
    _audit(question_set, actor, "question_set.updated", name=name)
    return question_set


@transaction.atomic
def question_set_delete(*, question_set: QuestionSet, actor: Actor) -> None:
    """With its questions. Raises NotFound."""
    question_set = _locked_set(question_set.pk)
    _audit(question_set, actor, "question_set.deleted", questions=question_set.questions.count())
    question_set.delete()


@transaction.atomic
def question_add(
    *,
    question_set: QuestionSet,
    text: str,
    accepted: Sequence[str],
    spans: Sequence[Span],
    is_answerable: bool = True,
    actor: Actor,
) -> Question:
    """Raises NotFound; InvalidRequest `empty_text`, `text_too_long`, `invalid_text`, `answer_missing`,
    `answer_not_expected`, `too_many_values`, and as `span_check` does."""
    question_set = _locked_set(question_set.pk)
    question = Question(organization_id=question_set.organization_id, question_set=question_set)
    _fill(question, text, accepted, spans, is_answerable)
    _audit(question_set, actor, "question_set.question_added", question=question.id)
    return question


@transaction.atomic
def question_update(
    *,
    question: Question,
    text: str,
    accepted: Sequence[str],
    spans: Sequence[Span],
    is_answerable: bool,
    actor: Actor,
) -> Question:
    """Replace the question with its answers and passages. Raises as `question_add` does."""
    question = _locked_question(question)
    _fill(question, text, accepted, spans, is_answerable)
    _audit(question.question_set, actor, "question_set.question_updated", question=question.id)
    return question


@transaction.atomic
def question_remove(*, question: Question, actor: Actor) -> None:
    """Raises NotFound."""
    question = _locked_question(question)
    _audit(question.question_set, actor, "question_set.question_removed", question=question.id)
    question.delete()


def question_spans_erase(document: Document, actor: Actor) -> None:
    """Remove the passages in a document that is being deleted; the questions stay, for people wrote them."""
    QuestionSpan.objects.filter(revision__document=document).delete()


def _fill(
    question: Question, text: str, accepted: Sequence[str], spans: Sequence[Span], is_answerable: bool
) -> None:
    """Check the content and save the question with it, in place of what it held."""
    if is_answerable and not accepted:
        raise InvalidRequest(
            "answer_missing",
            _("A question that the documents answer needs at least one accepted answer."),
            param="accepted",
        )
    if not is_answerable and (accepted or spans):
        raise InvalidRequest(
            "answer_not_expected",
            _("A question that the documents do not answer has neither accepted answers nor passages."),
            param="accepted" if accepted else "spans",
        )
    for param, values in (("accepted", accepted), ("spans", spans)):
        if len(values) > MOST_ACCEPTED:
            raise InvalidRequest(
                "too_many_values",
                _("A question has at most %(limit)d answers and as many passages.")
                % {"limit": MOST_ACCEPTED},
                param=param,
            )
    question.text = text_check(text, param="text")
    answers = [text_check(answer, param=f"accepted.{position}") for position, answer in enumerate(accepted)]
    question.accepted = list(dict.fromkeys(answers))
    question.is_answerable = is_answerable
    checked = [span_check(span, param=f"spans.{position}") for position, span in enumerate(spans)]
    question.save()
    question.spans.all().delete()
    QuestionSpan.objects.bulk_create(
        QuestionSpan(
            organization_id=question.organization_id,
            question=question,
            revision=revision,
            kind=span.source.kind,
            number=span.source.number,
            label=span.source.label or "",
            start=span.start,
            end=span.end,
        )
        for revision, span in checked
    )


def _name_taken() -> Conflict:
    return Conflict(
        "question_set_exists", _("A question set of this name exists. Choose another name."), param="name"
    )


def _locked_set(id: str) -> QuestionSet:
    """Changes of one set follow one another."""
    found: QuestionSet | None = QuestionSet.objects.select_for_update(no_key=True).filter(pk=id).first()
    if found is None:
        raise NotFound
    return found


def _locked_question(question: Question) -> Question:
    """The question as it is now; its set is locked, as every change of a set locks it."""
    question_set = _locked_set(question.question_set_id)
    found: Question | None = question_set.questions.filter(pk=question.pk).first()
    if found is None:
        raise NotFound
    return found


def _audit(question_set: QuestionSet, actor: Actor, action: str, **data: Any) -> None:
    audit_record(
        organization_id=question_set.organization_id,
        actor=actor,
        action=action,
        target_type="question_set",
        target_id=question_set.id,
        data=data,
    )
