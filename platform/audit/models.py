"""The audit trail: append-only and hash-chained per organization.

It has no foreign keys, because events remain after their targets are deleted. Triggers link each event into its chain
at commit, and refuse any other UPDATE and every DELETE (`migrations/0002_append_only.py`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from common.ids import PrefixedIdField
from common.tenancy import TenantManager

INSTALLATION = "installation"
"""The organization id of events that concern the installation itself."""


class AuditEvent(models.Model):
    id = PrefixedIdField("audit_")
    organization_id = models.CharField(max_length=64)
    sequence = models.BigIntegerField(null=True)
    """The position in the organization's chain; the database assigns it when the transaction commits."""
    created_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, default="")
    hash = models.CharField(max_length=64, default="")

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="audit_one_chain"),
        ]
        indexes = [
            models.Index(fields=["organization_id", "-id"], name="audit_newest"),
            models.Index(fields=["organization_id", "target_id", "-id"], name="audit_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action} {self.target_id}"


class AuditHead(models.Model):
    """The end of an organization's chain; its row lock serializes the events."""

    organization_id = models.CharField(max_length=64, primary_key=True)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.organization_id} {self.sequence}"


class AuditCheck(models.Model):
    """How far an organization's chain was verified, and the result; `audit/services.py` writes it."""

    organization_id = models.CharField(max_length=64, primary_key=True)
    sequence = models.BigIntegerField(default=0)
    """The chain was verified up to this event."""
    hash = models.CharField(max_length=64, default="")
    verified_at = models.DateTimeField(null=True)
    """When it was last verified up to its newest event, or found broken."""
    broken_sequence = models.BigIntegerField(null=True)
    """The first event that does not fit."""
    passed_at = models.DateTimeField(null=True)
    """When it was last verified from its first event on."""
    pass_sequence = models.BigIntegerField(default=0)
    """The last verified event of the current full pass."""
    pass_hash = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.organization_id} {self.sequence}"
