"""Releases, their approval, and where they are served."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from evaluations.models import Evaluation, Suite
from registry.models import BaseModel, ModelVersion
from retrieval.models import IndexBuild


class ReleaseState(models.TextChoices):
    CANDIDATE = "candidate", _("waiting for approval")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")


class MadeBy(models.TextChoices):
    """How a release came about; worded in the reader's language by `Release.remark`."""

    PERSON = "", ""
    SCHEDULE = "schedule", _("Made by the schedule “%(name)s”.")
    SCHEDULE_GATE_FAILED = (
        "schedule_gate_failed",
        _("Made by the schedule “%(name)s”: the new version failed its gate, so only the index is new."),
    )
    SCHEDULE_GATE_INCONCLUSIVE = (
        "schedule_gate_inconclusive",
        _(
            "Made by the schedule “%(name)s”: the evaluation of the new version did not decide its gate, so only the "
            "index is new."
        ),
    )


class ReleasePolicy(TenantModel):
    """What a model version must pass to be released. A change is a new row; the newest one is in force.

    Without a row, the gate of the platform's default suite is in force.
    """

    id = PrefixedIdField("relpol_")
    number = models.PositiveIntegerField()
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="+")
    """A verdict counts if its suite has the tasks and the gate of this one."""
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_release_policy_of_a_number")
        ]

    def __str__(self) -> str:
        """Read it with its `suite` selected."""
        return str(self.suite)


class Release(TenantModel):
    """Model version, index build, prompt and generation settings, served and rolled back together.

    Only its state changes.
    """

    id = PrefixedIdField("rel_")
    number = models.PositiveIntegerField()
    note = models.CharField(_("note"), max_length=500, blank=True)
    """What a person wrote about it."""
    made_by = models.CharField(max_length=32, default=MadeBy.PERSON, blank=True)
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="releases", null=True
    )
    """Null: the base model as it is."""
    index_build = models.ForeignKey(IndexBuild, on_delete=models.PROTECT, related_name="releases", null=True)
    """Null: answers without retrieval."""
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="+", null=True)
    """The evaluation that passed the gate; a model version is released only with one."""
    policy = models.ForeignKey(ReleasePolicy, on_delete=models.PROTECT, related_name="+", null=True)
    """The policy that was in force when it was made; null: the platform's default gate."""
    system_prompt = models.TextField(_("system prompt"), blank=True)
    prompt_from = models.ForeignKey("self", on_delete=models.PROTECT, related_name="+", null=True)
    """The release that prompt and generation settings were taken from; null: they were written for this one."""
    generation = models.JSONField(default=dict)
    """`max_tokens`, `temperature`, `top_p`, `passages`."""
    state = models.CharField(max_length=16, choices=ReleaseState.choices, default=ReleaseState.CANDIDATE)
    created_by_kind = models.CharField(max_length=16)
    created_by_id = models.CharField(max_length=64)
    created_by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="one_release_of_a_number")
        ]

    def __str__(self) -> str:
        return gettext("Release %(number)d") % {"number": self.number}

    @property
    def remark(self) -> str:
        """The note, or how it came about in the reader's language."""
        return self.note or str(MadeBy(self.made_by).label) % {"name": self.created_by_label}

    def get_absolute_url(self) -> str:
        return reverse("releases:detail", args=[self.id])


class Approval(TenantModel):
    """A person's decision on a release."""

    id = PrefixedIdField("approval_")
    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="approval")
    decision = models.CharField(
        max_length=16, choices=[("approved", _("approved")), ("rejected", _("rejected"))]
    )
    comment = models.TextField(_("comment"), blank=True)
    contents_sha256 = models.CharField(max_length=64)
    """Of what was decided on (`releases/contents.py`). An approval holds only for exactly that."""
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)


class Deployment(TenantModel):
    """An alias and the release it serves now."""

    id = PrefixedIdField("dep_")
    alias = models.SlugField(_("alias"), max_length=40)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="deployments")
    is_in_service = models.BooleanField(_("in service"), default=True)
    """False: it answers nothing until a release is published under it, or it is rolled back."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "alias"], name="one_deployment_of_an_alias")
        ]

    def __str__(self) -> str:
        return self.alias

    def get_absolute_url(self) -> str:
        return reverse("releases:deployment", args=[self.alias])


class DeploymentChange(TenantModel):
    """One publication, rollback or withdrawal in a deployment's history."""

    id = PrefixedIdField("depchange_")
    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="changes")
    number = models.PositiveIntegerField()
    """Its place in the deployment's history, assigned while the deployment is locked. Ids do not give the
    order: they follow a machine's clock, which may be set back."""
    action = models.CharField(
        max_length=16,
        choices=[
            ("publish", _("published")),
            ("rollback", _("rolled back")),
            ("withdraw", _("taken out of service")),
        ],
    )
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    previous_release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+", null=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=255, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="one_change_of_a_number"),
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"], name="one_change_of_an_idempotency_key"
            ),
        ]
