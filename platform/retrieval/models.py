"""Knowledge bases (`vector_stores` in the API) and the immutable builds of their indexes."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.ids import PrefixedIdField
from common.models import TenantModel
from documents.models import Document, Revision
from jobs.produced import ProducedRow
from registry.models import BaseModel


class PersonalData(models.TextChoices):
    """How the text of a knowledge base is shown; the values are those of `PersonalDataMode`."""

    RAW = "raw", _("as written, for members with the right")
    MASKED = "masked", _("masked for everyone")


DEFAULT_PERSONAL_DATA = PersonalData.RAW
"""Becomes `masked` when masking is as precise as it must be; the precision of reading is being measured."""


class KnowledgeBase(TenantModel):
    id = PrefixedIdField("vs_")
    name = models.CharField(_("name"), max_length=200)
    embedding_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    current_build = models.ForeignKey(
        "retrieval.IndexBuild", on_delete=models.PROTECT, related_name="+", null=True
    )
    """The newest finished build: what search reads."""
    metadata = models.JSONField(default=dict)
    personal_data = models.CharField(
        _("personal data"), max_length=8, choices=PersonalData.choices, default=DEFAULT_PERSONAL_DATA
    )
    """Applied when text leaves an index, so a change needs no new build."""
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="knowledge_base_newest")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("knowledge:detail", args=[self.id])


class KnowledgeBaseDocument(TenantModel):
    """A document belongs to a knowledge base. When this row is deleted, search no longer finds the document."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="entries")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["knowledge_base", "document"], name="one_entry_each"),
        ]


class DocumentBatch(TenantModel):
    """The documents of one `file_batches` call. Later calls with the same documents do not change it."""

    id = PrefixedIdField("vsfb_")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="batches")
    documents = models.ManyToManyField(Document, related_name="+")


class IndexBuild(ProducedRow):
    id = PrefixedIdField("index_")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="builds")
    number = models.PositiveIntegerField()
    revisions = models.ManyToManyField(Revision, related_name="+")
    """What is searchable in this build; never changed."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["knowledge_base", "number"], name="one_index_build_of_a_number")
        ]

    def __str__(self) -> str:
        """Select the related `knowledge_base` first, or this reads it."""
        return gettext("%(knowledge_base)s, build %(number)d") % {
            "knowledge_base": self.knowledge_base,
            "number": self.number,
        }

    def get_absolute_url(self) -> str:
        return reverse("knowledge:detail", args=[self.knowledge_base_id])
