"""Question sets: questions with accepted answers and passages, and questions that the documents do not answer."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from common.errors import Conflict, InvalidRequest, NotFound
from curation.models import Question, QuestionSet, QuestionSpan
from curation.question_sets import (
    MOST_ACCEPTED,
    question_add,
    question_remove,
    question_set_create,
    question_set_delete,
    question_set_update,
    question_update,
)
from curation.selectors import (
    question_get,
    question_list,
    question_set_get,
    question_set_list,
    question_spans,
)
from documents.services import document_delete
from tests.curation.test_pairs import TEXT, span_in
from tests.world import World


@pytest.fixture
def question_set(world) -> QuestionSet:
    return question_set_create(name="人事の質問", description="", actor=world.actor)


@pytest.fixture
def document(world):
    return world.document("規程.txt", TEXT)


def add(world: World, question_set: QuestionSet, **options) -> Question:
    return question_add(
        **{
            "question_set": question_set,
            "text": "日当はいくらですか。",
            "accepted": ["三千円"],
            "spans": [],
            "actor": world.actor,
            **options,
        }
    )


def change(world: World, question: Question, **options) -> Question:
    return question_update(
        **{
            "question": question,
            "text": question.text,
            "accepted": question.accepted,
            "spans": [],
            "is_answerable": question.is_answerable,
            "actor": world.actor,
            **options,
        }
    )


def actions(question_set: QuestionSet) -> list[str]:
    events = AuditEvent.objects.filter(target_id=question_set.id).order_by("id")
    return [event.action.removeprefix("question_set.") for event in events]


# -- sets -------------------------------------------------------------------------------------
def test_a_set_is_created_renamed_and_deleted(world, question_set):
    renamed = question_set_update(
        question_set=question_set, name="総務の質問", description="総務部", actor=world.actor
    )
    assert (renamed.name, renamed.description, str(renamed)) == ("総務の質問", "総務部", "総務の質問")
    add(world, question_set)
    question_set_delete(question_set=question_set, actor=world.actor)
    assert not QuestionSet.objects.exists() and not Question.objects.exists()
    assert actions(question_set) == ["created", "updated", "question_added", "deleted"]


def test_refuses_a_second_set_of_a_name(world, question_set):
    other = question_set_create(name="別の質問", description="", actor=world.actor)
    for call in (
        lambda: question_set_create(name=question_set.name, description="", actor=world.actor),
        lambda: question_set_update(
            question_set=other, name=question_set.name, description="", actor=world.actor
        ),
    ):
        with pytest.raises(Conflict) as refused:
            call()
        assert (refused.value.code, refused.value.param) == ("question_set_exists", "name")


def test_two_organizations_may_use_one_name(world, question_set):
    with World("yoso") as other:
        question_set_create(name=question_set.name, description="", actor=other.actor)
        assert question_set_list().count() == 1
        with pytest.raises(NotFound):
            question_set_get(question_set.id, param="question_set")


def test_sets_are_listed_with_the_number_of_their_questions(world, question_set):
    add(world, question_set)
    add(world, question_set, text="二つ目の質問")
    assert [row.question_count for row in question_set_list()] == [2]
    assert question_set_get(question_set.id).question_count == 2


# -- questions --------------------------------------------------------------------------------
def test_a_question_keeps_answers_and_passages(world, question_set, document):
    question = add(
        world,
        question_set,
        text=" 日当は? ",
        accepted=["三千円", " 3,000円", "三千円"],
        spans=[span_in(document, end=8), span_in(document, end=4)],
    )
    assert (question.text, question.accepted, question.is_answerable) == (
        "日当は?",
        ["三千円", "3,000円"],
        True,
    )
    [found] = question_list(question_set)
    spans = question_spans(found)
    assert [(span.start, span.end) for span in spans] == [(0, 8), (0, 4)]
    assert {(span.source.document_name, span.source.kind, span.source.number) for span in spans} == {
        ("規程.txt", "page", 1)
    }
    assert question_get(question.id).question_set == question_set


def test_a_question_that_the_documents_do_not_answer_has_no_answer(world, question_set):
    question = add(world, question_set, text="社長の好物は?", accepted=[], is_answerable=False)
    assert (question.accepted, question.is_answerable) == ([], False)


def test_a_changed_question_holds_what_was_given_last(world, question_set, document):
    question = add(world, question_set, spans=[span_in(document)])
    changed = change(world, question, text="宿泊費は?", accepted=["一万円"], spans=[span_in(document, end=5)])
    assert (changed.text, changed.accepted) == ("宿泊費は?", ["一万円"])
    assert [span.end for span in question_spans(changed)] == [5]
    unanswerable = change(world, question, accepted=[], is_answerable=False)
    assert question_spans(unanswerable) == []
    assert actions(question_set) == ["created", "question_added", "question_updated", "question_updated"]


def test_many_questions_are_read_with_a_few_queries(
    world, question_set, document, django_assert_max_num_queries
):
    for number in range(6):
        add(world, question_set, text=f"質問{number}", spans=[span_in(document)])
    with django_assert_max_num_queries(3):
        assert (
            len([span for question in question_list(question_set) for span in question_spans(question)]) == 6
        )


@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"accepted": []}, "answer_missing", "accepted"),
        ({"is_answerable": False}, "answer_not_expected", "accepted"),
        ({"text": " "}, "empty_text", "text"),
        ({"accepted": ["三千円", ""]}, "empty_text", "accepted.1"),
        ({"accepted": ["円\x00"]}, "invalid_text", "accepted.0"),
        ({"text": "あ" * 20_001}, "text_too_long", "text"),
        ({"accepted": ["円"] * (MOST_ACCEPTED + 1)}, "too_many_values", "accepted"),
    ],
)
def test_refuses_a_question_that_makes_no_sense(world, question_set, options, code, param):
    with pytest.raises(InvalidRequest) as refused:
        add(world, question_set, **options)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert not Question.objects.exists()


def test_refuses_passages_where_no_answer_is_expected(world, question_set, document):
    with pytest.raises(InvalidRequest) as refused:
        add(world, question_set, accepted=[], spans=[span_in(document)], is_answerable=False)
    assert (refused.value.code, refused.value.param) == ("answer_not_expected", "spans")


def test_names_the_passage_that_does_not_exist_and_changes_nothing(world, question_set, document):
    question = add(world, question_set, spans=[span_in(document)])
    wrong = [span_in(document), span_in(document, number=7)]
    with pytest.raises(NotFound) as refused:
        change(world, question, text="別の質問", spans=wrong)
    assert refused.value.param == "spans.1.source.number"
    assert Question.objects.get().text == question.text
    assert [span.end for span in question_spans(question_get(question.id))] == [8]


def test_a_removed_question_is_gone_for_every_later_change(world, question_set):
    question = add(world, question_set)
    question_remove(question=Question.objects.get(pk=question.id), actor=world.actor)
    for call in (
        lambda: change(world, question),
        lambda: question_remove(question=question, actor=world.actor),
        lambda: question_get(question.id),
    ):
        with pytest.raises(NotFound):
            call()
    assert actions(question_set) == ["created", "question_added", "question_removed"]


def test_a_deleted_set_takes_no_question(world, question_set):
    question_set_delete(question_set=QuestionSet.objects.get(pk=question_set.pk), actor=world.actor)
    for call in (
        lambda: add(world, question_set),
        lambda: question_set_update(question_set=question_set, name="x", description="", actor=world.actor),
        lambda: question_set_delete(question_set=question_set, actor=world.actor),
    ):
        with pytest.raises(NotFound):
            call()


def test_deleting_a_document_removes_its_passages_and_keeps_the_question(world, question_set, document):
    kept = world.document("別.txt", TEXT)
    question = add(world, question_set, spans=[span_in(document), span_in(kept)])
    document_delete(document_id=document.id, actor=world.actor)
    [found] = question_list(question_set)
    assert (found, found.accepted) == (question, ["三千円"])
    assert [span.source.document_id for span in question_spans(found)] == [kept.id]
    assert QuestionSpan.objects.count() == 1
