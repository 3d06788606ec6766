"""Job types: what the platform knows about each kind of job, declared by the app that owns the kind.

An app declares its types in `<app>/job_types.py` and registers them there. `JobsConfig.ready` imports these
modules. All other code asks this registry, so a new kind of job needs no other entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from jobs.failures import ErrorText, Label
from jobs.shared_errors import SHARED_ERRORS, SYSTEM_ERROR
from workers.contract.spec import Spec
from workers.contract.specs.events import Event

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from jobs.models import Cluster, Job
    from jobs.produced import Outcome

GIBIBYTE = 1 << 30


class Size(Enum):
    """How much work a job is, as far as its spec tells. Light jobs run beside the others in the cluster's
    `light_slots`, without cores of their own, so that they never wait for a training."""

    FULL = "full"
    """Takes cores of its own, or GPUs."""
    LONG = "long"
    """Light, and perhaps at work for minutes."""
    SHORT = "short"
    """Light, and over in less than a minute."""


@dataclass(frozen=True)
class Resources:
    """What a request asks of the cluster. None: what is usual for the type of job."""

    cpus: int | None = None
    """0 asks for no cores of its own: the job is a light one."""
    gpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Placement:
    """Where a job runs, how soon, and with how much. Every part is optional."""

    cluster: Cluster | None = None
    priority: int = 0
    resources: Resources = Resources()

    def asked(self) -> list[Any]:
        """As JSON, to compare requests."""
        return [self.cluster.id if self.cluster else None, self.priority, asdict(self.resources)]


@dataclass(frozen=True)
class Need:
    """`Resources` with every figure settled for one cluster."""

    cpus: int
    gpus: int
    memory_bytes: int
    light: int
    """1 for a job without cores of its own, else 0."""
    light_long: int
    """1 for a light job that is not short, else 0."""


@dataclass(frozen=True)
class UsualResources:
    """What a type of job takes where the request names nothing else."""

    memory_bytes: int
    """Of each process."""
    cpus: int | None = None
    """None: every core, so that two such jobs never compete (they would run three times slower)."""
    gpu_each_process: bool = False

    def settle(self, asked: Resources, cluster: Cluster, processes: int, size: Size) -> Need:
        """A usual figure is cut to what the cluster has. An explicit one is not: the caller refuses what
        does not fit. Who asks for cores or GPUs gets them, however small the job is."""
        gpus, cpus, memory_bytes = asked.gpus, asked.cpus, asked.memory_bytes
        is_light = size is not Size.FULL and not cpus and not gpus
        if gpus is None:
            gpus = min(processes, cluster.gpus) if self.gpu_each_process and not is_light else 0
        if cpus is None:
            cpus = 0 if is_light else self._cpus(cluster, gpus)
        light = 0 if cpus or gpus else 1
        if memory_bytes is None:
            # A light job that has a place never lacks memory.
            jobs = cluster.light_slots if light else 1
            share = cluster.memory_share(light=bool(light)) // max(1, jobs)
            memory_bytes = min(processes * self.memory_bytes, share)
        light_long = light if size is not Size.SHORT else 0
        return Need(cpus=cpus, gpus=gpus, memory_bytes=memory_bytes, light=light, light_long=light_long)

    def _cpus(self, cluster: Cluster, gpus: int) -> int:
        if gpus:
            # Each GPU comes with its share of the cores, so that as many jobs fit as there are GPUs.
            return max(1, cluster.cpus * gpus // max(1, cluster.gpus))
        return cluster.cpus if self.cpus is None else min(self.cpus, cluster.cpus)


@dataclass(frozen=True, kw_only=True)
class JobType:
    name: str
    """The kind of job on the wire and the first part of its error codes."""
    label: Label
    """For example “Training a model”."""
    busy_label: Label
    """One word for the state while such a job runs, for example “Training”."""
    spec: type[Spec]
    result: type[Spec]
    engine: str
    """Started as `python -m <engine> config.json`."""
    usual: UsualResources
    disk_bytes: Callable[[Any], int]
    """From a spec to the bytes that such a job writes at most at the same time, estimated on the high side."""
    processes: Callable[[Any], int] = lambda spec: 1
    """From a spec to the number of processes, one for each GPU; more than one are started by torchrun."""
    size: Callable[[Any], Size] = lambda spec: Size.FULL
    """From a spec to how much work it is."""
    makes_pseudonyms: bool = False
    """Its engine gets the key of the organization's pseudonyms in its environment."""
    secrets: Callable[[Any], Mapping[str, str]] = lambda spec: {}
    """From a spec as JSON to variables of the engine's environment. They are read at each launch, and stored nowhere."""
    can_pause: bool = False
    """Its engine keeps checkpoints to resume from."""

    produces: type[Outcome] | None = None
    """The model of the row that is made with each such job; with `finish`, of the rows that point at their job."""
    collect: Callable[[], None] = lambda: None
    """Makes jobs of what waits to be worked on together. Called before jobs are claimed; cheap where nothing waits."""
    finish: Callable[[Job, Any], None] | None = None
    """Called with the ended job and its result (None without one) where a job makes several rows: completes those that its
    events have not. In the transaction that finalizes the job; repeatable. Raises as `artifact_adopt` does."""
    artifact: str = ""
    """The kind of folder in storage that the job's folder becomes."""
    artifact_id: Callable[[Any], str] = lambda row: row.pk
    sealed_folder: Callable[[Any], str] = lambda result: ""
    """From a result to the folder inside `output/` whose manifest lists its files; it becomes the artifact."""
    keeps_whole_output: bool = False
    """All of `output/` becomes the artifact, with the sealed folder in it, instead of the sealed folder alone."""
    columns: Callable[[Any], Mapping[str, Any]] = lambda result: {}
    """From a result to the columns of the row that are copied from it."""
    is_derived: bool = False
    """What it makes can be made anew at any time, so backups leave its folder out."""
    kept: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    """From the rows to those whose folders are kept; those of the others were deleted with what they belong to."""
    owner_exists: Callable[[Any], bool] = lambda row: True
    """Locks what the row belongs to. False if that was deleted: then the row is not completed."""
    on_end: Callable[[Any], None] = lambda row: None
    """Called with the completed row, whatever the end; in the same transaction."""
    subject: str = ""
    """The attribute of the row that lists and lineage show instead of the row itself."""
    subject_related: tuple[str, ...] = ()
    """What is read along with the row for that."""

    failures_on_home: bool = True
    """Whether the home page names failed jobs; false where it counts the rows that failed instead."""
    events: Mapping[type[Event], Callable[..., None]] = field(default_factory=dict)
    """Called with `job` and `events`, those of the type that are imported together, inside their transaction."""
    errors: Mapping[str, ErrorText] = field(default_factory=dict)
    """By the part of the code after the name: `user.empty_dataset`. Where an engine gives a `reason` among the values of the
    error, the text of `user.no_text:nothing_recognized` goes before that of `user.no_text`."""
    messages: Mapping[str, Label] = field(default_factory=dict)
    """Sentences of the engine's log by their code, worded with the values that the event carries."""


_types: dict[str, JobType] = {}
_followers: dict[str, list[Callable[[Job], None]]] = {}


def register(*types: JobType) -> None:
    for each in types:
        for other in _types.values():
            if each is not other and (each.name == other.name or each.spec is other.spec):
                raise ValueError(f"{each.name}: its name or its spec belongs to another type of job")
        _types[each.name] = each


def follow(name: str, act: Callable[[Job], None]) -> None:
    """Call `act` when a job of the type has ended and its row is complete, in the same transaction.

    For an app that the type's own app does not know.
    """
    _followers.setdefault(name, []).append(act)


def job_types() -> list[JobType]:
    return list(_types.values())


def job_type(name: str) -> JobType:
    """Raises KeyError for a name that no installed app has registered."""
    return _types[name]


def find_job_type(name: str) -> JobType | None:
    return _types.get(name)


def followers(name: str) -> list[Callable[[Job], None]]:
    return list(_followers.get(name, ()))


def error_text(code: str, values: Mapping[str, Any] | None = None) -> ErrorText | None:
    """What happened and what to do, in the reader's language, as exactly as the values of the error allow.

    None for a user's error without a text of its own: the engine's sentence says what to do.
    """
    name, _dot, rest = code.partition(".")
    known = _types.get(name)
    given = values or {}
    texts = {**SHARED_ERRORS, **known.errors} if known else SHARED_ERRORS
    found = texts.get(f"{rest}:{given.get('reason')}") or texts.get(rest)
    if found is None:
        return SYSTEM_ERROR if rest.startswith("system.") else None
    return found.told(given)


def message_text(code: str, values: Mapping[str, Any]) -> str:
    """A line of an engine's log in the reader's language; empty for a code or values that no type declares."""
    sentence = next((each.messages[code] for each in _types.values() if code in each.messages), "")
    try:
        return str(sentence) % values
    except (KeyError, TypeError, ValueError):
        return ""
