"""Training runs and the checkpoints they can be resumed from."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from common.places import PlacePathField
from curation.models import DatasetVersion
from documents.models import Revision
from jobs.produced import ProducedRow, ProducedState
from registry.models import BaseModel, ModelVersion


class MethodType(models.TextChoices):
    """OpenAI's `method.type`, with our extension for raw documents."""

    SUPERVISED = "supervised", _("supervised")
    CONTINUED_PRETRAINING = "continued_pretraining", _("continued pre-training")


class TrainingRun(ProducedRow):
    """One fine-tuning job: from a base model (or an earlier version) and data to a model version."""

    id = PrefixedIdField("ftjob-")
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", null=True)
    """The version an incremental retraining continues from."""
    method = models.CharField(max_length=24, choices=MethodType.choices)
    """`continued_pretraining` learns the dataset's texts and its pairs; `supervised` pairs only."""
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="+", null=True)
    training_revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+", null=True)
    """An uploaded JSONL file, where the run does not learn from a dataset version."""
    hyperparameters = models.JSONField()
    """`workers.contract.specs.training.Hyperparameters` as JSON, defaults filled in."""
    suffix = models.CharField(max_length=40)
    metadata = models.JSONField(default=dict)
    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.PROTECT, related_name="training_run", null=True
    )

    @property
    def future_version_id(self) -> str:
        """Of the model version that it makes: named after the run, so that its folder has one place."""
        return self.id.replace("ftjob-", "model_")

    def __str__(self) -> str:
        """With the time it was queued: runs of the same settings are told apart. Read it with its `base_model`
        and `parent` selected."""
        queued = date_format(timezone.localtime(self.created_at), "Y-m-d H:i:s")
        return f"{self.parent or self.base_model} → {self.suffix}, {queued}"

    def get_absolute_url(self) -> str:
        return reverse("training:detail", args=[self.id])

    @property
    def again_url(self) -> str:
        """The form with the settings of a run that made no model; empty for others, and for those of a file of
        conversations, which only the API starts."""
        if (
            self.state not in (ProducedState.FAILED, ProducedState.CANCELLED)
            or self.dataset_version_id is None
        ):
            return ""
        return f"{reverse('training:create')}?again={self.id}"


class Checkpoint(TenantModel):
    id = PrefixedIdField("ftckpt-")
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="checkpoints")
    step = models.PositiveIntegerField()
    path = PlacePathField(max_length=1000)
    manifest_sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="one_checkpoint_of_a_step")]
