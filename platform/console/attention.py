"""What the home page lists for a person to decide or to repair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from console.formats import count_of
from documents.models import RevisionState
from documents.selectors import document_list
from jobs.models import Job
from jobs.selectors import job_list
from jobs.transitions import JobState
from jobs.types import job_types
from releases.models import Release, ReleaseState
from releases.selectors import release_list

FAILURES_OF = timedelta(days=7)


@dataclass(frozen=True)
class Attention:
    approvals: list[Release]
    failures: list[Job]
    unreadable: str
    """How many documents could not be read; empty: none."""

    def __bool__(self) -> bool:
        return bool(self.approvals or self.failures or self.unreadable)


def attention_needed() -> Attention:
    unreadable = count_of(document_list().filter(current_revision__state=RevisionState.FAILED))
    return Attention(
        approvals=list(release_list().filter(state=ReleaseState.CANDIDATE).order_by("-id")[:5]),
        failures=list(
            job_list(state=JobState.FAILED)
            .exclude(kind__in=[known.name for known in job_types() if not known.failures_on_home])
            .filter(ended_at__gt=timezone.now() - FAILURES_OF)
            .order_by("-id")[:5]
        ),
        unreadable="" if unreadable == "0" else unreadable,
    )
