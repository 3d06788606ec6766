"""Base models an operator registered, and the versions an organization made of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import CreatedModel, TenantModel
from common.places import PlacePathField
from jobs.produced import ProducedRow


class BaseModelKind(models.TextChoices):
    CAUSAL_LM = "causal_lm", _("language model")
    EMBEDDING = "embedding", _("embedding model")


class BaseModel(CreatedModel):
    """A model folder of the installation that organizations may customize or search with."""

    id = PrefixedIdField("bm_")
    name = models.SlugField(_("name"), max_length=60, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=BaseModelKind.choices)
    path = PlacePathField(_("folder"), max_length=1000)
    licence = models.CharField(_("licence"), max_length=200)
    digest = models.CharField(max_length=64)
    architecture = models.CharField(max_length=80)
    parameters = models.BigIntegerField()
    context_length = models.PositiveIntegerField()
    """Tokens that the model itself can take, as a training may use them."""
    vocabulary_size = models.PositiveIntegerField()
    hidden_size = models.PositiveIntegerField()
    layers = models.PositiveIntegerField()
    has_chat_template = models.BooleanField(default=False)
    stop_strings = models.JSONField(default=list)
    """An answer ends before the first of them, beside the end that the model itself writes."""
    is_active = models.BooleanField(default=True)
    open_to_all = models.BooleanField(
        default=True, help_text=_("Every organization may use it; otherwise only those granted.")
    )

    @property
    def served_context_length(self) -> int:
        """Most tokens of a request to the model server."""
        return min(self.context_length, settings.KOSHA_SERVE_CONTEXT_LIMIT)

    def __str__(self) -> str:
        return self.name


class BaseModelGrant(TenantModel):
    base_model = models.ForeignKey(BaseModel, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "base_model"], name="one_grant_each")]


class ModelVersion(TenantModel):
    """The immutable result of a training run: an adapter (or full weights) with its manifest."""

    id = PrefixedIdField("model_")
    name = models.CharField(max_length=200, unique=True)
    """`ft:{base}:{organization}:{suffix}:{id}`"""
    base_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    suffix = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    """Counts within the organization, base model and suffix."""
    method = models.CharField(max_length=16)
    """`lora` or `full`."""
    parent = models.ForeignKey("self", on_delete=models.PROTECT, related_name="children", null=True)
    training_run_id = models.CharField(max_length=64)
    dataset_version_id = models.CharField(max_length=64, blank=True)
    manifest_sha256 = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    """The engine's `TrainingResult`."""
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "base_model", "suffix", "number"],
                name="one_model_version_of_a_number",
            ),
            models.UniqueConstraint(fields=["training_run_id"], name="one_model_version_of_a_run"),
        ]

    def __str__(self) -> str:
        """Short, for people; `name` is what a client sends."""
        return gettext("%(name)s, version %(number)d") % {"name": self.suffix, "number": self.number}

    def get_absolute_url(self) -> str:
        return reverse("training:model", args=[self.id])


class ModelExport(ProducedRow):
    """A copy of a model version to take elsewhere."""

    id = PrefixedIdField("export_")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=16)

    @property
    def bytes(self) -> int | None:
        """None until it is made."""
        return self.result.get("bytes")
