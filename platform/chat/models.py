"""Conversations of the console: questions, answers, citations and feedback."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from accounts.models import User
from common.ids import PrefixedIdField
from common.models import TenantModel
from releases.models import Release


class Conversation(TenantModel):
    """Private to the person who began it."""

    id = PrefixedIdField("conv_")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    alias = models.CharField(max_length=40)
    title = models.CharField(max_length=200, blank=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "user", "-id"], name="conversation_newest")]

    def __str__(self) -> str:
        return self.title or self.id

    def get_absolute_url(self) -> str:
        return reverse("chat:conversation", args=[self.id])


class Message(TenantModel):
    id = PrefixedIdField("msg_")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=16, choices=[("user", "user"), ("assistant", "assistant")])
    content = models.TextField()
    annotations = models.JSONField(default=list)
    """Citations as they were sent in `message.annotations`."""
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+", null=True)
    """The release that answered; null for a question, and for a plain model's answer."""
    is_test = models.BooleanField(default=False)
    """It was answered by what no deployment served then."""
    finish_reason = models.CharField(max_length=20, blank=True)
    """`stop`, `length`, `cancelled` or `error`."""
    reason = models.CharField(max_length=20, blank=True)
    """Why there is no answer or only a part (`chat.finding.Reason`); empty for an answer, and for a question."""
    personal_data = models.CharField(max_length=8, blank=True)
    """Whether its passages were `raw` or `masked`; empty for a question, and for an answer without passages."""


class Feedback(TenantModel):
    id = PrefixedIdField("feedback_")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="feedback")
    helpful = models.BooleanField()
    comment = models.TextField(blank=True)
