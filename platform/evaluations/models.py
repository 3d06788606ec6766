"""Suites of measurements, and the evaluations that ran them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from curation.models import DatasetVersion
from evaluations.words import VERDICT_STATES
from jobs.produced import ProducedRow
from registry.models import BaseModel, ModelVersion


class Suite(TenantModel):
    """A fixed set of tasks and the gate a version must pass (`eval` on the wire)."""

    id = PrefixedIdField("eval_")
    name = models.CharField(_("name"), max_length=200, blank=True)
    """Empty for the one that the platform made; it is worded in the reader's language."""
    tasks = models.JSONField()
    """Tasks as `workers.contract.specs.evaluation` describes them."""
    gate = models.JSONField()
    """`workers.contract.specs.gate.Gate` as JSON."""
    metadata = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name or gettext("Default suite")


class Verdict(models.TextChoices):
    """As `workers.contract.specs.gate` has them."""

    PASSED = "passed", pgettext_lazy("state", "Passed")
    FAILED = "failed", pgettext_lazy("state", "Not passed")
    INCONCLUSIVE = "inconclusive", pgettext_lazy("state", "Inconclusive")


class Evaluation(ProducedRow):
    """One run of a suite over a base model and, where given, a version of it."""

    id = PrefixedIdField("evalrun_")
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="evaluations")
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="evaluations", null=True
    )
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    """The gate's; empty until there is one."""
    name = models.CharField(_("name"), max_length=200, blank=True)
    metadata = models.JSONField(default=dict)
    """The caller's own notes."""

    def __str__(self) -> str:
        """Read it with `suite`, `model_version` and `base_model` selected."""
        return f"{self.suite}: {self.model_version or self.base_model}"

    @property
    def verdict_state(self) -> str:
        """The word that the console has for the verdict."""
        return VERDICT_STATES.get(self.verdict, "not_measured")

    @property
    def passed(self) -> bool | None:
        """None until there is a verdict. An inconclusive one has not passed."""
        return self.verdict == Verdict.PASSED if self.verdict else None

    def get_absolute_url(self) -> str:
        return reverse("evaluations:detail", args=[self.id])
