"""What was uploaded: documents, their revisions, and uploads that arrive in parts."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.services import Actor
from common.ids import PrefixedIdField
from common.models import TenantModel
from jobs.models import Job
from jobs.produced import Outcome, ProducedRow
from jobs.transitions import JobState


class Purpose(models.TextChoices):
    """OpenAI's word for what a file is for."""

    USER_DATA = "user_data", _("company document")
    ASSISTANTS = "assistants", _("company document (assistants)")
    FINE_TUNE = "fine-tune", _("training conversations (JSONL)")


class RevisionState(models.TextChoices):
    UPLOADED = "uploaded", _("waiting to be read")
    PROCESSED = "processed", _("read")
    FAILED = "error", _("could not be read")


class Document(TenantModel):
    """A named document; its bytes and text are those of its current revision.

    A later upload under the same name and purpose is a new revision of the same document.
    """

    id = PrefixedIdField("file-")
    name = models.CharField(_("name"), max_length=500)
    purpose = models.CharField(
        _("purpose"), max_length=20, choices=Purpose.choices, default=Purpose.USER_DATA
    )
    current_revision = models.OneToOneField(
        "documents.Revision", on_delete=models.PROTECT, related_name="+", null=True
    )
    """The newest revision; null only inside the transaction that makes the first."""
    is_masked = models.BooleanField(default=False)
    """Its personal data is shown to nobody. Only `documents/masking.py` changes it."""
    deleted_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    """When the bytes and the text of a deleted document were gone from the disk."""
    archive = models.ForeignKey("self", on_delete=models.PROTECT, related_name="contents", null=True)
    """The ZIP archive that it was unpacked from, and that it is deleted with."""
    contents_count = 0
    """Not stored: of an archive in a list, how many documents it has."""
    is_unchanged = False
    """Not stored: the upload that returned this brought the bytes of the current revision, and made no new one."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "purpose", "name"],
                condition=models.Q(deleted_at=None),
                name="one_live_document_of_a_name",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="document_newest"),
            models.Index(
                fields=["id"],
                condition=models.Q(erased_at=None) & ~models.Q(deleted_at=None),
                name="document_to_erase",
            ),
            models.Index(
                fields=["archive", "name"],
                condition=models.Q(deleted_at=None, archive__isnull=False),
                name="document_unpacked",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("documents:detail", args=[self.id])


class Revision(Outcome):
    """One upload of a document. Its bytes never change; the text read from them is in storage."""

    STATES = {
        JobState.SUCCEEDED: RevisionState.PROCESSED,
        JobState.FAILED: RevisionState.FAILED,
        JobState.CANCELLED: RevisionState.FAILED,
    }
    WAITING = RevisionState.UPLOADED
    WORKING = "reading"

    id = PrefixedIdField("rev_")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    declared_media_type = models.CharField(max_length=200, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    """Who uploaded it, and is told as the starter of the job that reads it."""
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="+", null=True)
    """Reads it, perhaps with others, or has read it; null while it waits to be collected (`documents/reading.py`)."""
    is_alone = models.BooleanField(default=False)
    """It shares no job with others: it takes long, or has ended a batch."""
    state = models.CharField(max_length=16, choices=RevisionState.choices, default=RevisionState.UPLOADED)
    media_type = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=500, blank=True)
    pages = models.PositiveIntegerField(default=0)
    characters = models.BigIntegerField(default=0)
    records = models.PositiveIntegerField(null=True)
    """Conversations in a JSONL file; null for everything else."""
    files = models.PositiveIntegerField(null=True)
    """Files in a ZIP archive; null for everything else."""
    unpacked_at = models.DateTimeField(null=True)
    """When the files of an archive were documents."""
    warnings = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="one_revision_of_a_number")
        ]
        indexes = [
            models.Index(fields=["organization", "sha256"], name="revision_by_content"),
            models.Index(
                fields=["id"],
                condition=models.Q(files__isnull=False, unpacked_at=None),
                name="revision_to_unpack",
            ),
            models.Index(
                fields=["organization", "id"],
                condition=models.Q(state=RevisionState.UPLOADED, job=None),
                name="revision_to_collect",
            ),
        ]

    @property
    def actor(self) -> Actor:
        return Actor(self.actor_kind, self.actor_id, self.actor_label)

    @property
    def shown_state(self) -> str:
        """The state for people. Read the row with its `job` selected."""
        if not self.is_archive:
            return self.shown_state_with(self.job)
        return "unpacked" if self.unpacked_at else "unpacking"

    @property
    def is_archive(self) -> bool:
        return self.files is not None


class PagePictures(ProducedRow):
    """Pictures of neighbouring pages of a revision, drawn when one of them was first looked at.

    They can be made anew at any time, so they are kept for a while only and are in no backup.
    """

    id = PrefixedIdField("pics_")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="pictures")
    first = models.PositiveIntegerField()
    """The number of the first of the pages."""
    size = models.BigIntegerField(default=0)
    """Bytes of all pictures together."""
    looked_at = models.DateTimeField(default=timezone.now)
    """About: written once an hour."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "first"], name="one_drawing_of_a_page")]
        indexes = [models.Index(fields=["looked_at"], name="page_pictures_by_age")]

    @property
    def document(self) -> Document:
        """What lists show of it."""
        return self.revision.document


class UploadState(models.TextChoices):
    PENDING = "pending", _("receiving parts")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")


class Upload(TenantModel):
    """A file that arrives in parts; it becomes a document when it is completed."""

    id = PrefixedIdField("upload_")
    name = models.CharField(max_length=500)
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=UploadState.choices, default=UploadState.PENDING)
    expires_at = models.DateTimeField()
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="+", null=True)
    completed_as = models.CharField(max_length=64, blank=True)
    """Digest of the request that completed it: only the same one is answered again."""


class UploadPart(TenantModel):
    id = PrefixedIdField("part_")
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
