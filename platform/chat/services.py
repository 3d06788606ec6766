"""Writes: a person's conversations, their questions and answers, and feedback.

Conversations are private. The audit trail records that one was created or deleted, never its text.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.services import Actor, audit_record
from chat.models import Conversation, Feedback, Message
from releases.models import Release

TITLE_LENGTH = 60


@transaction.atomic
def conversation_create(*, user: User, alias: str, question: str, actor: Actor) -> Conversation:
    """Titled by its first question."""
    line = " ".join(question.split())
    title = line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"
    conversation = Conversation.objects.create(user=user, alias=alias, title=title)
    _audit(conversation, actor, "conversation.created")
    return conversation


@transaction.atomic
def conversation_delete(*, conversation: Conversation, actor: Actor) -> None:
    conversation.deleted_at = timezone.now()
    conversation.save(update_fields=["deleted_at"])
    _audit(conversation, actor, "conversation.deleted")


def question_add(*, conversation: Conversation, text: str) -> Message:
    return Message.objects.create(conversation=conversation, role="user", content=text)


def answer_add(
    *,
    conversation: Conversation,
    text: str,
    annotations: list[dict[str, Any]],
    release: Release | None,
    finish_reason: str,
    is_test: bool = False,
    reason: str = "",
    personal_data: str = "",
) -> Message:
    """Store an answer; one that was interrupted or stopped with the text so far."""
    return Message.objects.create(
        conversation=conversation,
        role="assistant",
        content=text,
        annotations=annotations,
        release=release,
        finish_reason=finish_reason,
        is_test=is_test,
        reason=reason,
        personal_data=personal_data,
    )


def feedback_set(*, message: Message, helpful: bool) -> Feedback:
    """Replaces earlier feedback on the message."""
    feedback, _created = Feedback.objects.update_or_create(
        message=message, defaults={"helpful": helpful, "organization_id": message.organization_id}
    )
    return feedback


def _audit(conversation: Conversation, actor: Actor, action: str) -> None:
    audit_record(
        organization_id=conversation.organization_id,
        actor=actor,
        action=action,
        target_type="conversation",
        target_id=conversation.id,
        data={"alias": conversation.alias},
    )
