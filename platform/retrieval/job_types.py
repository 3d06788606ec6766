"""The type of job that builds a search index, and what follows when a document has been read."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes, folder_bytes
from documents.reading import on_revisions_read
from jobs.failures import ErrorText
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from retrieval.models import IndexBuild
from retrieval.selectors import INDEXES
from retrieval.services import index_build_ended, revisions_ready
from workers.contract.specs.retrieval import RetrievalResult, RetrievalSpec

LIGHT_BYTES = 16 << 20
LIGHT_NEW_BYTES = 2 << 20
SHORT_NEW_BYTES = 128 << 10
"""A passage has about a kilobyte, and one core embeds five to ten in a second."""


def _disk_bytes(spec: RetrievalSpec) -> int:
    """Passages, their vectors (1.5 kB for a passage of a kB) and the character index."""
    known = folder_bytes(spec.previous_index) if spec.previous_index else 0
    return known + 8 * sum(file_bytes(source.pages_path) for source in spec.sources)


def _size(spec: RetrievalSpec) -> Size:
    """What the previous index holds is read and written again, which is quick; the rest is embedded."""
    sizes = {source: file_bytes(source.pages_path) for source in spec.sources}
    new = sum(size for source, size in sizes.items() if not source.is_known)
    if sum(sizes.values()) > LIGHT_BYTES or new > LIGHT_NEW_BYTES:
        return Size.FULL
    return Size.SHORT if new <= SHORT_NEW_BYTES else Size.LONG


register(
    JobType(
        name="retrieval",
        label=_("Building a search index"),
        busy_label=pgettext_lazy("state", "Indexing"),
        spec=RetrievalSpec,
        result=RetrievalResult,
        engine="workers.engines.retrieval",
        usual=UsualResources(memory_bytes=2 * GIBIBYTE, gpu_each_process=True),
        size=_size,
        disk_bytes=_disk_bytes,
        produces=IndexBuild,
        artifact=INDEXES,
        on_end=index_build_ended,
        subject_related=("knowledge_base",),
        messages={
            "chunked": _("%(chunks)s chunks from %(documents)s documents."),
            "previous_index_damaged": _("The previous index is damaged and not used."),
            "embedding_changed": _("The embedding model changed: every chunk is embedded again."),
        },
        errors={
            "user.no_text": ErrorText(
                _("None of the documents holds text to search."), _("Add documents with text.")
            ),
        },
    )
)
# A document that was read may belong to knowledge bases, which the documents app does not import.
on_revisions_read(revisions_ready)
