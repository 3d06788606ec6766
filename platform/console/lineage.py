"""Links across the apps: what a job works on, and what was made from a document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Model, Q
from django.urls import reverse
from django.utils.translation import ngettext

from console.formats import number
from curation.models import DatasetVersion
from documents.models import Document, Revision, RevisionState
from jobs.models import Job
from jobs.produced import ProducedState
from jobs.types import find_job_type
from registry.models import ModelVersion
from releases.labels import alias_label
from releases.models import Deployment, Release
from retrieval.models import KnowledgeBase

MOST = 50
"""The most rows of each kind."""
MOST_READ = 100


def subjects_of(jobs: Iterable[Job]) -> dict[str, Model | Several]:
    """What each job works on, by job id: one query for each kind among them."""
    ids: dict[str, list[str]] = {}
    for job in jobs:
        ids.setdefault(job.kind, []).append(job.id)
    found: dict[str, Model | Several] = {}
    for kind, job_ids in ids.items():
        known = find_job_type(kind)
        if known is None or known.produces is None:
            continue
        rows = known.produces.objects.filter(job_id__in=job_ids)
        if known.finish is not None:
            counts = rows.order_by().values("job_id").annotate(rows=Count("pk"), first=Min("pk"))
            several = {each["job_id"]: each["rows"] for each in counts if each["rows"] > 1}
            found |= {id: Several(id, count, known.produces) for id, count in several.items()}
            rows = rows.exclude(job_id__in=several)
        for row in rows.select_related(*known.subject_related):
            found[row.job_id] = getattr(row, known.subject) if known.subject else row
    return found


@dataclass(frozen=True)
class Several:
    """What a job works on, where that is many things: told as one that leads to the job."""

    job_id: str
    count: int
    kind: type[Model]

    @property
    def _meta(self) -> Any:
        return self.kind._meta

    def __str__(self) -> str:
        return ngettext("%(n)s document", "%(n)s documents", self.count) % {"n": number(self.count)}

    def get_absolute_url(self) -> str:
        return reverse("jobs:detail", args=[self.job_id])


@dataclass(frozen=True)
class Read:
    """The documents of a job that reads them."""

    revisions: list[Revision]
    """The first ones, in the order in which they are read."""
    total: int
    read: int
    failed: int


def read_by(job: Job) -> Read | None:
    """None for a job that reads no documents."""
    known = find_job_type(job.kind)
    if known is None or known.produces is not Revision:
        return None
    rows = Revision.objects.filter(job=job)
    counts = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    shown = list(rows.select_related("document", "job").order_by("pk")[:MOST_READ])
    return Read(
        revisions=shown,
        total=sum(counts.values()),
        read=counts.get(RevisionState.PROCESSED, 0),
        failed=counts.get(RevisionState.FAILED, 0),
    )


def aliases_of(base: KnowledgeBase) -> list[str]:
    """Where releases that answer from the knowledge base are served now."""
    served = Deployment.objects.filter(is_in_service=True, release__index_build__knowledge_base=base)
    return [alias_label(deployment.alias) for deployment in served.order_by("alias")]


@dataclass(frozen=True)
class Uses:
    """What was made from a document, newest first."""

    dataset_versions: list[DatasetVersion]
    models: list[ModelVersion]
    knowledge_bases: list[KnowledgeBase]
    releases: list[Release]
    aliases: list[str]
    """Where one of the releases is served now."""

    def __bool__(self) -> bool:
        return bool(self.dataset_versions or self.knowledge_bases or self.releases)


def uses_of(document: Document) -> Uses:
    versions = list(
        DatasetVersion.objects.filter(
            sources__revision__document=document,
            state__in=[ProducedState.READY, ProducedState.BUILDING],
        )
        .select_related("dataset")
        .distinct()
        .order_by("-id")[:MOST]
    )
    models = list(
        ModelVersion.objects.filter(
            dataset_version_id__in=[version.id for version in versions], deleted_at=None
        )
        .select_related("base_model")
        .order_by("-id")[:MOST]
    )
    releases = list(
        Release.objects.filter(Q(model_version__in=models) | Q(index_build__revisions__document=document))
        .distinct()
        .order_by("-id")[:MOST]
    )
    return Uses(
        dataset_versions=versions,
        models=models,
        knowledge_bases=list(
            KnowledgeBase.objects.filter(
                Q(entries__document=document) | Q(current_build__revisions__document=document),
                deleted_at=None,
            )
            .distinct()
            .order_by("-id")[:MOST]
        ),
        releases=releases,
        aliases=[
            alias_label(deployment.alias)
            for deployment in Deployment.objects.filter(release__in=releases, is_in_service=True)
        ],
    )
