"""What is said of each part to people: its name, what to do about it, what its outage means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from health.components import Component, Name, Report, Status

Text = str | Promise


class Part(NamedTuple):
    label: Text
    purpose: Text


class Outage(NamedTuple):
    """One line of the banner."""

    name: str
    code: str
    """In which way it is away, which may change what is said."""
    what: Text
    lost: Text
    still: Text


PARTS: dict[Name, Part] = {
    Name.DATABASE: Part(_("Database"), _("Holds everything but files.")),
    Name.MIGRATIONS: Part(_("Database schema"), _("Its form fits the program that runs.")),
    Name.BROKER: Part(_("Message broker"), _("Rings the workers' bell.")),
    Name.WORKERS: Part(_("Workers"), _("Start jobs and look after them.")),
    Name.BEAT: Part(_("Timer"), _("Rings every two seconds, and when a schedule is due.")),
    Name.QUEUE: Part(_("Job queue"), _("Jobs start and end without delay.")),
    Name.STORAGE: Part(_("Disk"), _("Holds documents, models, indexes and what runs write.")),
    Name.MODEL_SERVER: Part(_("Model server"), _("Answers in the chat and searches.")),
    Name.REPLICATION: Part(_("Replication"), _("A second database that could take over.")),
}

_BY_ITSELF = _("It is restarted by itself. If this lasts, look at its log on the machine.")

REMEDIES: dict[tuple[Name, str], Text] = {
    (Name.DATABASE, "unreachable"): _(
        "Check that PostgreSQL runs and that DATABASE_URL names it. Nothing that was saved is lost."
    ),
    (Name.DATABASE, "silent"): _(
        "PostgreSQL takes connections and does not answer: look at its machine's load, disk and network."
    ),
    (Name.DATABASE, "busy"): _(
        "PostgreSQL lives and answers slowly: look at its machine's load and disk. Requests may be refused for a moment."
    ),
    (Name.MIGRATIONS, "pending"): _("Run python manage.py migrate, or start Kosha again with manage.py up."),
    (Name.MIGRATIONS, "database_away"): _("It can be told when the database is back."),
    (Name.MIGRATIONS, "database_busy"): _("It can be told when the database has time for it."),
    (Name.BROKER, "unreachable"): _(
        "Check that Valkey or Redis runs and that REDIS_URL names it. Nothing is lost in it: jobs are in the database."
    ),
    (Name.BROKER, "silent"): _("It takes connections and does not answer: restart Valkey or Redis."),
    (Name.BROKER, "full"): _(
        "Its memory is full: restart it, or raise its maxmemory. Nothing in it is needed."
    ),
    (Name.WORKERS, "silent"): _("Messages pile up and no worker takes them. Look at the workers' log."),
    (Name.WORKERS, "not_seen_yet"): _("No worker has run since this installation was made."),
    (Name.WORKERS, "beat_away"): _("Nobody rings, so workers have nothing to do: see the timer."),
    (Name.WORKERS, "broker_away"): _("They cannot be reached without the message broker."),
    (Name.WORKERS, "database_away"): _("It can be told when the database is back."),
    (Name.WORKERS, "database_busy"): _("It can be told when the database has time for it."),
    (Name.BEAT, "silent"): _("The process beat does not ring. Look at its log."),
    (Name.BEAT, "not_seen_yet"): _("It has not rung since this installation was made."),
    (Name.BEAT, "workers_away"): _("It rings, but no worker takes note: see the workers."),
    (Name.BEAT, "broker_away"): _("It cannot ring without the message broker."),
    (Name.BEAT, "database_away"): _("It can be told when the database is back."),
    (Name.BEAT, "database_busy"): _("It can be told when the database has time for it."),
    (Name.QUEUE, "waiting_long"): _(
        "A job has a free place and was not started. Look at the workers and their log."
    ),
    (Name.QUEUE, "unfinalized"): _(
        "A job has ended and its result could not be registered yet. It is tried again; the workers' log says why."
    ),
    (Name.QUEUE, "waits_for_disk"): _(
        "Jobs wait for room on the disk. Delete what is no longer needed, or add space; they start by themselves."
    ),
    (Name.QUEUE, "waits_for_workers"): _(
        "Jobs wait for workers of a newer release. Upgrade the workers to the release of the web; they start by themselves."
    ),
    (Name.QUEUE, "database_away"): _("It can be told when the database is back."),
    (Name.QUEUE, "database_busy"): _("It can be told when the database has time for it."),
    (Name.STORAGE, "low"): _(
        "Large jobs wait for room. Delete models, indexes and documents that are no longer needed, or add space."
    ),
    (Name.STORAGE, "full"): _(
        "Uploads are refused and trainings wait after a checkpoint, so that the database keeps room. Add space."
    ),
    (Name.STORAGE, "unreachable"): _(
        "The folder of the storage is missing, read-only or closed to Kosha. Check its mount and its rights."
    ),
    (Name.STORAGE, "silent"): _(
        "The file system does not answer. Check its mount, and the network behind it."
    ),
    (Name.MODEL_SERVER, "starting"): _("It is loading its libraries; questions wait for it."),
    (Name.MODEL_SERVER, "busy"): _(
        "Many answers are being written; further questions may be refused for a moment."
    ),
    (Name.MODEL_SERVER, "unreachable"): _BY_ITSELF,
    (Name.MODEL_SERVER, "silent"): _(
        "It takes connections and does not answer. It is restarted by itself; if this lasts, restart it."
    ),
    (Name.REPLICATION, "not_built"): _(
        "Kosha does not replicate its database. Make backups: they are what protects from a broken disk."
    ),
}

OUTAGES: dict[Name, tuple[Text, Text, Text]] = {
    Name.DATABASE: (
        _("The database is away."),
        _("Pages cannot be opened and nothing can be saved."),
        _("Trainings that run go on, and nothing that was saved is lost."),
    ),
    Name.MIGRATIONS: (
        _("The database is being brought up to date."),
        _("Pages may fail until it is done."),
        _("Trainings that run go on."),
    ),
    Name.BROKER: (
        _("The message broker is away."),
        _("Waiting jobs do not start, and results are not registered."),
        _("Pages, uploads, search and chat work; trainings that run go on."),
    ),
    Name.WORKERS: (
        _("No worker is at work."),
        _("Waiting jobs do not start, and results are not registered."),
        _("Pages, uploads, search and chat work; trainings that run go on."),
    ),
    Name.BEAT: (
        _("The timer is away."),
        _("Jobs start and end late, and schedules do not fire."),
        _("Pages, uploads, search and chat work; trainings that run go on."),
    ),
    Name.STORAGE: (
        _("The disk is full."),
        _("Uploads are refused, and jobs wait for room."),
        _("Pages, search and chat work. Jobs go on by themselves when there is room."),
    ),
    Name.MODEL_SERVER: (
        _("The model server is away."),
        _("Chat and search do not answer."),
        _("Documents, datasets and trainings work."),
    ),
}

_STORAGE_AWAY = (
    _("The storage cannot be used."),
    _("Nothing can be stored, and files may not open: documents, datasets, models and indexes."),
    _("Pages without files work. Nothing that was stored is lost by this."),
)
OUTAGES_BY_CODE: dict[tuple[Name, str], tuple[Text, Text, Text]] = {
    (Name.STORAGE, "unreachable"): _STORAGE_AWAY,
    (Name.STORAGE, "silent"): _STORAGE_AWAY,
}
"""Where it matters to people in which way a part is down."""

TROUBLES: dict[str, Text] = {
    "ended": _("It ended without being told to. Its log on the machine says why."),
    "silent": _("It was there and did not answer any more, so it was ended."),
    "not_started": _("It could not be started. What manage.py up says on the machine names the cause."),
}
"""What happened to a process that `manage.py up` keeps alive."""


@dataclass(frozen=True)
class Shown:
    """A row of the page."""

    component: Component
    label: Text
    purpose: Text
    state: str
    """As `console/states.py` words it."""
    remedy: Text


def shown_components(report: Report) -> list[Shown]:
    return [_shown(component) for component in report.components]


def _shown(component: Component) -> Shown:
    part = PARTS[component.name]
    state = "not_seen_yet" if component.code == "not_seen_yet" else component.status.value
    remedy = REMEDIES.get((component.name, component.code), "")
    return Shown(component, part.label, part.purpose, state, remedy)


def outages_of(report: Report) -> list[Outage]:
    """What people have to know on every page: what is down, and what that means to them."""
    down = [component for component in report.components if component.status is Status.DOWN]
    return [
        Outage(one.name.value, one.code, *OUTAGES_BY_CODE.get((one.name, one.code), OUTAGES[one.name]))
        for one in down
        if one.name in OUTAGES
    ]


def banner_digest(outages: Sequence[Outage]) -> str:
    """Names what a banner shows, so that the same is not announced twice and something else is."""
    return ".".join(f"{outage.name}:{outage.code}" for outage in outages)
