"""The types of job that read a document and draw its pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from documents.error_texts import DRAWING_ERRORS, READING_ERRORS
from documents.models import PagePictures, Revision
from documents.pictures import PICTURES
from documents.selectors import PAGES
from documents.services import revision_is_wanted, revision_read
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from workers.contract.specs.ingest import IngestResult, IngestSpec
from workers.contract.specs.page_pictures import PagePicturesResult, PagePicturesSpec

PICTURE_BYTES = 2 << 20
"""Of one page at most, about: a picture of four million pixels."""
SHORT_BYTES = 4 << 20
"""A file of this size is read in seconds."""


def _size(spec: IngestSpec) -> Size:
    return Size.SHORT if file_bytes(spec.path) <= SHORT_BYTES else Size.LONG


def _columns(result: IngestResult) -> dict[str, Any]:
    return {
        "media_type": result.media_type,
        "title": (result.title or "")[:500],
        "pages": result.pages,
        "characters": result.characters,
        "records": result.records,
        "files": result.files,
        "warnings": list(result.warnings),
    }


register(
    JobType(
        name="ingest",
        label=_("Reading a document"),
        busy_label=pgettext_lazy("state", "Reading"),
        spec=IngestSpec,
        result=IngestResult,
        engine="workers.engines.ingest",
        usual=UsualResources(memory_bytes=GIBIBYTE),
        size=_size,
        # Text and tables. A packed format unpacks to more than its size, within the parsers' limits.
        disk_bytes=lambda spec: 4 * file_bytes(spec.path),
        produces=Revision,
        artifact=PAGES,
        columns=_columns,
        kept=lambda rows: rows.filter(document__deleted_at=None),
        owner_exists=revision_is_wanted,
        on_end=revision_read,
        failures_on_home=False,
        subject="document",
        subject_related=("document",),
        messages={
            "sandboxed": _("The file is read in a sandbox: %(isolation)s."),
            "office_converted": _("LibreOffice has converted the file; no macro was run."),
            "office_not_confined": _(
                "LibreOffice is installed, but this machine offers no sandbox to run it in."
            ),
            "no_sandbox": _("No sandbox could be made."),
        },
        errors=READING_ERRORS,
    )
)

register(
    JobType(
        name="page_pictures",
        label=_("Drawing pages of a document"),
        busy_label=pgettext_lazy("state", "Drawing"),
        spec=PagePicturesSpec,
        result=PagePicturesResult,
        engine="workers.engines.ingest.pictures",
        usual=UsualResources(memory_bytes=GIBIBYTE),
        size=lambda spec: Size.SHORT,
        disk_bytes=lambda spec: PICTURE_BYTES * len(spec.pages),
        produces=PagePictures,
        artifact=PICTURES,
        is_derived=True,
        columns=lambda result: {"size": result.bytes},
        owner_exists=lambda row: revision_is_wanted(row.revision),
        failures_on_home=False,
        subject="document",
        subject_related=("revision__document",),
        messages={
            "sandboxed": _("The file is read in a sandbox: %(isolation)s."),
            "no_sandbox": _("No sandbox could be made."),
        },
        errors=DRAWING_ERRORS,
    )
)
