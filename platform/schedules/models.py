"""When to retrain, and on what."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from curation.models import Dataset
from evaluations.models import Suite
from pipelines.models import PipelineRun
from registry.models import BaseModel
from retrieval.models import KnowledgeBase


class Cadence(models.TextChoices):
    DAILY = "daily", _("every day")
    WEEKLY = "weekly", _("every week")
    MONTHLY = "monthly", _("every month")


class Schedule(TenantModel):
    """Retrains a dataset's newest state and leaves a candidate release for a person to approve."""

    id = PrefixedIdField("sched_")
    name = models.CharField(_("name"), max_length=200)
    is_active = models.BooleanField(_("active"), default=True)
    cadence = models.CharField(_("how often"), max_length=16, choices=Cadence.choices, default=Cadence.WEEKLY)
    weekday = models.PositiveSmallIntegerField(
        _("weekday"), default=6, help_text=_("0 is Monday, 6 is Sunday.")
    )
    day = models.PositiveSmallIntegerField(_("day of the month"), default=1, help_text=_("1 to 28."))
    hour = models.PositiveSmallIntegerField(_("hour"), default=2)
    time_zone = models.CharField(_("time zone"), max_length=60, default="Asia/Tokyo")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="+")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="+", null=True)
    alias = models.SlugField(_("alias"), max_length=40, default="production")
    """Prompt and generation settings of a candidate come from the release served here."""
    suffix = models.CharField(_("model name"), max_length=40)
    incremental = models.BooleanField(
        _("incremental"),
        default=True,
        help_text=_("Continue from the newest version instead of starting from the base model."),
    )
    hyperparameters = models.JSONField(default=dict)
    next_fire_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_fire_at"], condition=models.Q(is_active=True, deleted_at=None), name="due"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("schedules:detail", args=[self.id])

    @property
    def weekday_name(self) -> str:
        return str(WEEKDAYS[self.weekday])


class ScheduledRun(TenantModel):
    """A pipeline run that a schedule started."""

    id = PrefixedIdField("schedrun_")
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="runs")
    due_at = models.DateTimeField()
    """The moment of the schedule that this run stands for; each moment has one run."""
    pipeline_run = models.OneToOneField(PipelineRun, on_delete=models.PROTECT, related_name="scheduled_run")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="one_run_of_a_moment")]
