"""Knowledge bases (`vector_stores` on the wire) and the immutable builds of their indexes."""

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


class KnowledgeBase(TenantModel):
    id = PrefixedIdField("vs_")
    name = models.CharField(_("name"), max_length=200)
    embedding_model = models.ForeignKey(BaseModel, on_delete=models.PROTECT, related_name="+")
    current_build = models.ForeignKey(
        "retrieval.IndexBuild", on_delete=models.PROTECT, related_name="+", null=True
    )
    """The newest finished build: what search reads."""
    metadata = models.JSONField(default=dict)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="knowledge_base_newest")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("knowledge:detail", args=[self.id])


class KnowledgeBaseDocument(TenantModel):
    """A document belongs to a knowledge base; what is removed is not found from that moment on."""

    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="entries")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["knowledge_base", "document"], name="one_entry_each"),
        ]


class DocumentBatch(TenantModel):
    """A `file_batches` call: what it named, whatever later calls name again."""

    id = PrefixedIdField("vsfb_")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="batches")
    documents = models.ManyToManyField(Document, related_name="+")


class IndexBuild(ProducedRow):
    id = PrefixedIdField("index_")
    knowledge_base = models.ForeignKey(KnowledgeBase, on_delete=models.PROTECT, related_name="builds")
    number = models.PositiveIntegerField()
    revisions = models.ManyToManyField(Revision, related_name="+")
    """The frozen list of what is searchable in this build."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["knowledge_base", "number"], name="one_index_build_of_a_number")
        ]

    def __str__(self) -> str:
        """Read it with its `knowledge_base` selected."""
        return gettext("%(knowledge_base)s, build %(number)d") % {
            "knowledge_base": self.knowledge_base,
            "number": self.number,
        }

    def get_absolute_url(self) -> str:
        return reverse("knowledge:detail", args=[self.knowledge_base_id])
