"""/v1/jobs: everything that takes more than a second, of every kind, in one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import AfterValidator, Field, GetJsonSchemaHandler

from accounts.principal import actor_of
from common.errors import InvalidRequest
from common.pagination import keyset_page, list_body
from common.wire import Body, PageQuery, unix
from jobs.clusters import cluster_get
from jobs.models import Job, JobEvent
from jobs.selectors import job_get, job_list, public_state
from jobs.services import job_cancel
from jobs.transitions import JobState
from jobs.types import Placement, Resources, find_job_type, job_types
from jobs.waiting import Waiting, waiting_of

router = Router(tags=["jobs"])


def _registered(kind: str) -> str:
    if find_job_type(kind) is None:
        names = ", ".join(known.name for known in job_types())
        raise ValueError(f"there is no such kind of job; the kinds are {names}")
    return kind


class RegisteredNames:
    """Lists the registered names when the description of the API is generated."""

    @staticmethod
    def __get_pydantic_json_schema__(core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "enum": [known.name for known in job_types()]}


KindName = Annotated[str, AfterValidator(_registered), RegisteredNames]


class ResourcesBody(Body):
    """What the job takes of its cluster; left out, what is usual for its kind."""

    cpus: int | None = Field(default=None, ge=1, le=1_000_000)
    gpus: int | None = Field(default=None, ge=0, le=1_000_000)
    memory_bytes: int | None = Field(default=None, ge=1, le=2**60)


class PlacementBody(Body):
    """Kosha's: where the job runs, how soon, and with how much."""

    cluster: str | None = None
    """Name or id of a cluster that is lent to the organization; left out, the installation's own machine."""
    priority: int = Field(default=0, ge=-100, le=100)
    """Among the organization's waiting jobs the higher goes first."""
    resources: ResourcesBody = ResourcesBody()


def placement_of(body: PlacementBody | None) -> Placement:
    """What a request asks for. Raises InvalidRequest `unknown_cluster`."""
    if body is None:
        return Placement()
    return Placement(
        cluster=cluster_get(body.cluster, param="kosha.cluster") if body.cluster is not None else None,
        priority=body.priority,
        resources=Resources(**body.resources.model_dump()),
    )


class JobQuery(PageQuery):
    kind: KindName | None = None
    state: JobState | None = None


@router.get("/jobs", summary="List jobs")
def list_jobs(request: HttpRequest, query: Query[JobQuery]) -> dict[str, Any]:
    rows = job_list(kind=query.kind, state=query.state)
    page = keyset_page(rows, after=query.after, limit=query.limit, order=query.order)
    waiting = waiting_of(page.items)
    return list_body(page, lambda job: job_body(job, waiting))


@router.get("/jobs/{job_id}", summary="Retrieve a job")
def retrieve_job(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return job_body(job_get(job_id))


@router.get("/jobs/{job_id}/events", summary="List what happened to a job")
def list_job_events(request: HttpRequest, job_id: str, query: Query[PageQuery]) -> dict[str, Any]:
    events = job_get(job_id).events.all()
    after = None if query.after is None else query.after.removeprefix("jobevent-")
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise InvalidRequest("invalid_value", "after must be the id of an event.", param="after")
    return list_body(keyset_page(events, after=after, limit=query.limit, order=query.order), event_body)


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job")
def cancel_job(request: HttpRequest, job_id: str) -> dict[str, Any]:
    return job_body(job_cancel(job=job_get(job_id), actor=actor_of(request)))


def job_body(job: Job, waiting: Mapping[str, Waiting] | None = None) -> dict[str, Any]:
    """`waiting` is that of all jobs of a list, by id."""
    ended = job.ended_at if public_state(job) == job.state else None
    waits = (waiting_of([job]) if waiting is None else waiting).get(job.id)
    return {
        "id": job.id,
        "object": "job",
        "kind": job.kind,
        "status": public_state(job),
        "attempt": job.attempt,
        "created_at": unix(job.created_at),
        "started_at": unix(job.started_at),
        "finished_at": unix(ended),
        "waiting": waiting_body(waits) if waits else None,
        "progress": progress_body(job),
        "error": job_error_body(job),
        **placement_body(job),
    }


def waiting_body(waiting: Waiting) -> dict[str, Any]:
    return {
        "code": waiting.reason,
        "message": waiting.message,
        "place": waiting.place,
        "needed_bytes": waiting.needed_bytes,
    }


def placement_body(job: Job) -> dict[str, Any]:
    """Read it with the job's `cluster` selected."""
    return {
        "cluster": job.cluster.name,
        "priority": job.priority,
        "resources": {"cpus": job.cpus, "gpus": job.gpus, "memory_bytes": job.memory_bytes},
    }


def progress_body(job: Job) -> dict[str, Any] | None:
    if job.progress_done is None:
        return None
    return {
        "done": job.progress_done,
        "total": job.progress_total,
        "unit": job.progress_unit,
        "seconds_left": job.seconds_left,
    }


def job_error_body(job: Job) -> dict[str, Any] | None:
    if not job.error_code:
        return None
    return {"code": job.error_code, "message": job.error_message, "param": job.error_param or None}


def event_body(event: JobEvent) -> dict[str, Any]:
    return {
        "id": f"jobevent-{event.id}",
        "object": "job.event",
        "created_at": unix(event.created_at),
        "type": event.type,
        "level": event.level,
        "message": event.message,
        "attempt": event.fence,
        "data": event.data,
    }
