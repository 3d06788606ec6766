"""The types of job that read documents and draw their pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from documents.error_texts import DRAWING_ERRORS, READING_ERRORS
from documents.models import PagePictures, Revision
from documents.pictures import PICTURES
from documents.reading import SHORT_BYTES, files_finish, files_read, revision_is_wanted, revisions_collect
from documents.selectors import PAGES
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from workers.contract.specs.events import FileRead
from workers.contract.specs.ingest import IngestBatchResult, IngestBatchSpec
from workers.contract.specs.page_pictures import PagePicturesResult, PagePicturesSpec

PICTURE_BYTES = 2 << 20
"""Of one page at most, about: a picture of four million pixels."""


def _size(spec: IngestBatchSpec) -> Size:
    return Size.LONG if spec.is_alone or _bytes(spec) > SHORT_BYTES else Size.SHORT


def _bytes(spec: IngestBatchSpec) -> int:
    return sum(file_bytes(file.path) for file in spec.files)


register(
    JobType(
        name="ingest",
        label=_("Reading documents"),
        busy_label=pgettext_lazy("state", "Reading"),
        spec=IngestBatchSpec,
        result=IngestBatchResult,
        engine="workers.engines.ingest",
        usual=UsualResources(memory_bytes=GIBIBYTE),
        size=_size,
        # Text and tables. A packed format unpacks to more than its size, within the parsers' limits.
        disk_bytes=lambda spec: 4 * _bytes(spec),
        produces=Revision,
        artifact=PAGES,
        kept=lambda rows: rows.filter(document__deleted_at=None),
        collect=revisions_collect,
        events={FileRead: files_read},
        finish=files_finish,
        failures_on_home=False,
        subject="document",
        subject_related=("document",),
        messages={
            "read_alone": _("A file is left to be read alone."),
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
