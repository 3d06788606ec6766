"""What the home page lists for a person to decide or to repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from console.formats import count_of
from console.indexes import OutdatedIndex, outdated_indexes
from console.newest import fresh_documents, newest_dataset_version, newest_model_version, unpublished_release
from curation.models import DatasetVersion
from documents.models import RevisionState
from documents.selectors import document_list
from evaluations.models import Evaluation
from jobs.models import Job
from jobs.retries import keep_failing
from jobs.selectors import job_list
from jobs.transitions import JobState
from jobs.types import job_types
from pipelines.models import RunState
from releases.models import Release, ReleaseState
from releases.policy import verdict_in_force
from releases.selectors import release_list
from schedules.models import ScheduledRun

FAILURES_OF = timedelta(days=7)
MOST = 5


@dataclass(frozen=True)
class Attention:
    approvals: list[Release]
    unpublished: Release | None
    """Approved, and nothing newer is served."""
    verdict: Evaluation | None
    """Of the newest model version, where it did not pass its gate."""
    failures: list[Job]
    retried: list[Job]
    """Still tried again, though several attempts have failed."""
    failed_runs: list[ScheduledRun]
    """Retrainings that ended without a release, for a reason of their own or that of a job."""
    unreadable: str
    """How many documents could not be read; empty: none."""
    fresh: str
    """How many documents are new or changed since `dataset_version`; empty: none."""
    dataset_version: DatasetVersion | None
    outdated: list[OutdatedIndex]
    """Published releases that answer from an older index, and no release with the newest one waits."""

    def __bool__(self) -> bool:
        decisions = self.approvals or self.unpublished or self.verdict or self.outdated
        return bool(
            decisions or self.failures or self.retried or self.failed_runs or self.unreadable or self.fresh
        )


def attention_needed() -> Attention:
    unreadable = count_of(document_list().filter(current_revision__state=RevisionState.FAILED))
    version = newest_dataset_version()
    fresh = count_of(fresh_documents(version)) if version else "0"
    return Attention(
        approvals=list(release_list().filter(state=ReleaseState.CANDIDATE).order_by("-id")[:MOST]),
        unpublished=unpublished_release(),
        verdict=_bad_verdict(),
        failures=_failed_jobs(),
        retried=list(keep_failing().order_by("-id")[:MOST]),
        failed_runs=_failed_runs(),
        unreadable="" if unreadable == "0" else unreadable,
        fresh="" if fresh == "0" else fresh,
        dataset_version=version,
        outdated=[one for one in outdated_indexes() if one.waiting is None][:MOST],
    )


def _bad_verdict() -> Evaluation | None:
    newest = newest_model_version()
    verdict = verdict_in_force(newest) if newest else None
    return verdict if verdict is not None and not verdict.passed else None


def _failed_jobs() -> list[Job]:
    others = [known.name for known in job_types() if not known.failures_on_home]
    rows = job_list(state=JobState.FAILED).exclude(kind__in=others)
    return list(rows.filter(ended_at__gt=timezone.now() - FAILURES_OF).order_by("-id")[:MOST])


def _failed_runs() -> list[ScheduledRun]:
    rows = ScheduledRun.objects.select_related("schedule", "pipeline_run")
    recent = rows.filter(
        pipeline_run__state=RunState.FAILED, pipeline_run__ended_at__gt=timezone.now() - FAILURES_OF
    )
    return list(recent.order_by("-id")[:MOST])
