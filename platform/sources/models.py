"""Folders and buckets whose files are kept as documents."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.services import Actor
from common.ids import PrefixedIdField
from common.models import TenantModel
from documents.models import Document
from jobs.produced import ProducedRow


class SourceKind(models.TextChoices):
    FOLDER = "folder", _("watched folder")
    BUCKET = "s3", _("S3-compatible bucket")


class Source(TenantModel):
    """A folder or bucket. A file of it is the document `name of the source/name of the file`."""

    id = PrefixedIdField("src_")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=SourceKind.choices)
    place = models.JSONField()
    """Of a folder: `folder`, its name in the operator's setting. Of a bucket: endpoint, bucket, prefix, region, access_key."""
    secret = models.TextField(blank=True)
    """The secret key of the bucket, encrypted (`common/secrets.py`)."""
    interval_minutes = models.PositiveIntegerField()
    """0: it is synchronized by hand only."""
    next_sync_at = models.DateTimeField(null=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    """Who made it: what its syncs upload is theirs."""
    removals_waiting = models.PositiveIntegerField(default=0)
    """Documents whose files are gone and that wait for a person, since they are most of all."""
    deleted_at = models.DateTimeField(null=True)
    takes_documents_along = models.BooleanField(default=False)
    """Of a deleted source: its documents are deleted, too."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                condition=models.Q(deleted_at=None),
                name="one_live_source_of_a_name",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_sync_at"],
                condition=models.Q(deleted_at=None, next_sync_at__isnull=False),
                name="source_due",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("sources:detail", args=[self.id])

    @property
    def actor(self) -> Actor:
        return Actor(self.actor_kind, self.actor_id, self.actor_label)

    @property
    def place_text(self) -> str:
        if self.kind == SourceKind.FOLDER:
            return str(self.place["folder"])
        return "{endpoint}/{bucket}/{prefix}".format(**self.place)


class SourceFile(TenantModel):
    """What was taken of a file, so that it is read again only if it has changed."""

    id: models.BigAutoField[int, int] = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=2000)
    """Within the source, with folders."""
    mark = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="source_file", null=True)
    """Null where it could not become one. A document that a person deletes stays away until its file changes."""
    refused = models.CharField(max_length=60, blank=True)
    """Why its newest bytes are no document: a code."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "name"], name="one_row_of_a_source_file")]


class Sync(ProducedRow):
    """One comparison of a source with its documents. A large first one is continued by others."""

    WORKING = "comparing"

    id = PrefixedIdField("sync_")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="syncs")
    removes_all = models.BooleanField(default=False)
    """A person has said that documents may go even if they are most of all."""
    lines_applied = models.PositiveIntegerField(default=0)
    """Of `changes.jsonl`; each with what it changes in one transaction."""
    applied_at = models.DateTimeField(null=True)
    """When the documents were as the source."""
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    """Files that the next sync, which follows at once, fetches."""
    warnings = models.JSONField(default=list)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(applied_at=None), name="sync_to_apply"),
            models.Index(fields=["source", "-id"], name="sync_newest"),
        ]

    def get_absolute_url(self) -> str:
        return self.job.get_absolute_url()

    @property
    def shown_state(self) -> str:
        is_applied = self.state != self.STATES["succeeded"] or self.applied_at is not None
        return super().shown_state if is_applied else "applying"
