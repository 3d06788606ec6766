"""A preview of a new dataset version: the documents and steps that it would be built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from curation.models import Dataset, DatasetVersion, DatasetVersionSource
from curation.selectors import recipe_content, version_list
from documents.models import Document, Revision, RevisionState
from documents.selectors import company_documents, read_revisions
from jobs.produced import ProducedState
from workers.contract.specs.curation_steps import step_keys


@dataclass(frozen=True)
class Preview:
    ready: int
    pages: int
    being_read: int
    unreadable: int
    steps: list[str]
    """Keys of the recipe's steps."""
    number: int
    last: DatasetVersion | None
    """The newest version that is ready."""
    fresh: int
    """Documents that go in and whose newest read revision is not in `last`."""
    gone: int
    """Documents of `last` that are not among those that go in."""
    seconds: float | None
    """The duration, estimated from that of `last` and the number of its documents; None without `last`."""


def build_preview(dataset: Dataset, chosen: QuerySet[Document]) -> Preview:
    """`chosen`: the documents that were read and go in."""
    facts = _read(chosen).aggregate(ready=Count("pk"), pages=Sum("pages"))
    facts |= company_documents().aggregate(
        being_read=Count("pk", filter=Q(current_revision__state=RevisionState.UPLOADED)),
        unreadable=Count("pk", filter=Q(current_revision__state=RevisionState.FAILED)),
    )
    newest = version_list(dataset).order_by("-number").first()
    last = version_list(dataset).filter(state=ProducedState.READY).order_by("-number").first()
    return Preview(
        ready=facts["ready"],
        pages=facts["pages"] or 0,
        being_read=facts["being_read"],
        unreadable=facts["unreadable"],
        steps=step_keys(recipe_content(dataset).steps),
        number=newest.number + 1 if newest else 1,
        last=last,
        **_difference(last, chosen, facts["ready"]),
    )


def _read(chosen: QuerySet[Document]) -> QuerySet[Revision]:
    return read_revisions().filter(document__in=chosen.values("pk"))


def _difference(last: DatasetVersion | None, chosen: QuerySet[Document], ready: int) -> dict[str, Any]:
    if last is None:
        return {"fresh": ready, "gone": 0, "seconds": None}
    job, sources = last.job, DatasetVersionSource.objects.filter(version=last)
    used, seconds = sources.count(), None
    if used and job.started_at is not None and job.ended_at is not None:
        seconds = (job.ended_at - job.started_at).total_seconds() * ready / used
    same = _read(chosen).filter(pk__in=sources.values("revision")).count()
    return {
        "fresh": ready - same,
        "gone": sources.exclude(revision__document__in=chosen.values("pk")).count(),
        "seconds": seconds,
    }
