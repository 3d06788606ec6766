"""Conversations, feedback, and what a name stands for when a principal asks."""

from __future__ import annotations

import pytest

from accounts.groups import everyone_in
from accounts.models import Role, User
from accounts.principal import Principal
from audit.models import AuditEvent
from chat.conversing import EARLIER_MESSAGES, turns
from chat.models import Conversation, Feedback
from chat.selectors import (
    ModelNotFound,
    answer_get,
    askable,
    conversation_get,
    conversation_list,
    message_list,
    nameable_model,
    nameable_models,
    target_get,
    testable,
)
from chat.services import (
    answer_add,
    conversation_create,
    conversation_delete,
    feedback_set,
    question_add,
)
from common.errors import NotFound
from registry.selectors import WrongModelKind
from releases.services import release_publish, release_reject
from tests.world import World


@pytest.fixture
def user(world: World) -> User:
    return world.person()


@pytest.fixture
def conversation(world: World, user: User) -> Conversation:
    return conversation_create(user=user, alias="production", question="休暇は?", actor=world.actor)


def answered(conversation: Conversation, text: str = "10日です。", reason: str = "stop"):
    return answer_add(
        conversation=conversation, text=text, annotations=[], release=None, finish_reason=reason
    )


# -- conversations ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("question", "title"),
    [("休暇は\n 何日?", "休暇は 何日?"), ("長" * 60, "長" * 60), ("長" * 61, "長" * 59 + "…")],
)
def test_a_conversation_is_titled_by_its_first_question(world, user, question, title) -> None:
    made = conversation_create(user=user, alias="production", question=question, actor=world.actor)
    assert (made.title, str(made), made.alias) == (title, title, "production")


def test_the_audit_trail_records_no_text(world: World, conversation: Conversation) -> None:
    question_add(conversation=conversation, text="秘密の質問")
    conversation_delete(conversation=conversation, actor=world.actor)
    events = AuditEvent.objects.filter(target_id=conversation.id).order_by("id")
    assert [event.action for event in events] == ["conversation.created", "conversation.deleted"]
    assert [event.data for event in events] == [{"alias": "production"}] * 2


def test_a_conversation_is_read_by_its_owner_until_it_is_deleted(world, user, conversation) -> None:
    assert conversation_get(user, conversation.id) == conversation
    with pytest.raises(NotFound):
        conversation_get(world.person(Role.ADMIN), conversation.id)
    conversation_delete(conversation=conversation, actor=world.actor)
    assert not conversation_list(user).exists()
    with pytest.raises(NotFound):
        conversation_get(user, conversation.id)


def test_messages_are_listed_in_their_order(conversation: Conversation) -> None:
    made = [question_add(conversation=conversation, text="休暇は?"), answered(conversation)]
    assert list(message_list(conversation)) == made
    assert answer_get(conversation, made[1].id) == made[1]
    with pytest.raises(NotFound):
        answer_get(conversation, made[0].id)


def test_feedback_replaces_earlier_feedback(conversation: Conversation) -> None:
    message = answered(conversation)
    for helpful in (True, True, False):
        feedback_set(message=message, helpful=helpful)
    assert Feedback.objects.get().helpful is False


# -- what is sent with a question -----------------------------------------------------------------
def test_earlier_turns_are_sent_with_a_question(conversation: Conversation, principal: Principal) -> None:
    question_add(conversation=conversation, text="休暇は?")
    answered(conversation)
    question_add(conversation=conversation, text="旅費は?")
    assert [(turn["role"], turn["content"]) for turn in turns(conversation, principal)] == [
        ("user", "休暇は?"),
        ("assistant", "10日です。"),
        ("user", "旅費は?"),
    ]


def test_an_answer_without_text_is_left_out_and_turns_alternate(
    conversation: Conversation, principal: Principal
) -> None:
    question_add(conversation=conversation, text="一")
    answered(conversation, "", "error")
    question_add(conversation=conversation, text="二")
    assert turns(conversation, principal) == [{"role": "user", "content": "二"}]


def test_only_the_newest_turns_are_sent_and_a_user_begins(
    conversation: Conversation, principal: Principal
) -> None:
    for number in range(EARLIER_MESSAGES):
        question_add(conversation=conversation, text=f"問{number}")
        answered(conversation, f"答{number}")
    question_add(conversation=conversation, text="最後")
    sent = turns(conversation, principal)
    assert len(sent) == EARLIER_MESSAGES + 1
    assert (sent[0]["role"], sent[-1]["content"]) == ("user", "最後")


# -- what may be asked ------------------------------------------------------------------------------
@pytest.fixture
def principal(world: World) -> Principal:
    return world.principal()


def test_an_alias_answers_with_its_release_and_its_index(world: World, principal: Principal) -> None:
    base = world.knowledge_base()
    release = world.release(
        None, base.current_build, approved=True, system_prompt="丁寧に", generation={"passages": 5}
    )
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    for name in ("production", release.id):
        target = target_get(name, principal)
        assert (target.name, target.release, target.system_prompt) == (name, release, "丁寧に")
        assert target.generation.passages == 5
        assert target.index is not None and target.index.groups == (everyone_in(world.organization.id),)


def test_a_plain_model_answers_without_an_index(world: World, principal: Principal) -> None:
    version = world.model_version()
    for name, adapter in (("gemma", False), (version.name, True)):
        target = target_get(name, principal)
        assert (target.release, target.index) == (None, None)
        assert (target.weights.adapter is not None) == adapter


@pytest.mark.parametrize(
    ("name", "error"),
    [("nothing", ModelNotFound), ("rel_nothing", ModelNotFound), ("", ModelNotFound), ("e5", WrongModelKind)],
)
def test_a_name_that_answers_no_question_is_refused(world: World, principal: Principal, name, error) -> None:
    world.embedding_model()
    with pytest.raises(error):
        target_get(name, principal)


def test_an_alias_stands_before_a_base_model(world: World, principal: Principal) -> None:
    base = world.base_model("gemma")
    release = world.release(approved=True)
    deployment = release_publish(release_id=release.id, alias="production", actor=world.actor)
    assert nameable_model("gemma", principal) == base
    assert nameable_model("production", principal) == deployment
    named = list(nameable_models(principal))
    assert named.index(deployment) < named.index(base)


def test_a_principal_of_no_organization_is_served_nothing(world: World) -> None:
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    stranger = Principal(world.actor, None, None, is_operator=True)
    assert nameable_model("production", stranger) is None
    assert askable(stranger) == []


def test_the_chat_page_offers_what_is_served_and_what_may_be_tested(
    world: World, principal: Principal
) -> None:
    served, waiting, rejected = world.release(approved=True), world.release(), world.release()
    release_publish(release_id=served.id, alias="production", actor=world.actor)
    release_reject(release_id=rejected.id, comment="", principal=world.principal("reviewer"))
    assert [name for name, _label in askable(principal)] == ["production"]
    assert [name for name, _label in testable(principal)] == [waiting.id]
    assert testable(world.principal("viewer")) == []
