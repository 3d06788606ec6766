"""The parts of an installation: the findings about each, and the texts shown for them."""

from __future__ import annotations

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Name(StrEnum):
    DATABASE = "database"
    MIGRATIONS = "migrations"
    BROKER = "broker"
    WORKERS = "workers"
    BEAT = "beat"
    QUEUE = "queue"
    AUDIT = "audit"
    PARSERS = "parsers"
    MAIL = "mail"
    STORAGE = "storage"
    MODEL_SERVER = "model_server"
    REPLICATION = "replication"


class Status(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    """Never seen yet, or the part that would know does not answer."""
    NONE = "none"
    """This installation has no such part, by design."""


CRITICAL = frozenset({Name.DATABASE, Name.MIGRATIONS})
"""Without these a web process cannot do its work."""

PARTS: dict[Name, tuple[Text, Text]] = {
    Name.DATABASE: (_("Database"), _("Holds everything but files.")),
    Name.MIGRATIONS: (_("Database schema"), _("Has the version that the running program needs.")),
    Name.BROKER: (_("Message broker"), _("Tells the workers that there is work.")),
    Name.WORKERS: (_("Workers"), _("Start jobs and watch over them.")),
    Name.BEAT: (_("Timer"), _("Starts periodic tasks and the schedules that are due.")),
    Name.QUEUE: (_("Job queue"), _("Jobs start and end without delay.")),
    Name.AUDIT: (_("Audit trail"), _("Records who did what; a chain of hashes shows every later change.")),
    Name.PARSERS: (
        _("Parsers"),
        _("Read uploaded files, kept away from other files, the network and other processes."),
    ),
    Name.STORAGE: (_("Disk"), _("Holds documents, models, indexes and the output of jobs.")),
    Name.MODEL_SERVER: (_("Model server"), _("Answers in the chat and searches.")),
    Name.MAIL: (_("Mail"), _("Sends invitations and links for new passwords.")),
    Name.REPLICATION: (_("Replication"), _("A second database that could take over.")),
}
"""Label and purpose."""

_NOT_ANSWERED: dict[str, Text] = {
    "database_away": _("This is known again when the database is back."),
    "database_busy": _("This is known again when the database has time to answer."),
}

_REMEDIES: dict[Name, dict[Status, dict[str, Text]]] = {
    Name.DATABASE: {
        Status.DOWN: {
            "unreachable": _(
                "Check that PostgreSQL runs and that DATABASE_URL names it. Nothing saved is lost."
            ),
            "silent": _(
                "PostgreSQL takes connections and does not answer: check its load, disk and network."
            ),
        },
        Status.DEGRADED: {
            "busy": _("PostgreSQL answers slowly: check its load and disk. Some requests may be refused."),
        },
    },
    Name.MIGRATIONS: {
        Status.DOWN: {
            "pending": _("Run python manage.py migrate, or start Kosha again with manage.py up."),
        },
        Status.UNKNOWN: _NOT_ANSWERED,
    },
    Name.BROKER: {
        Status.DOWN: {
            "unreachable": _(
                "Check that Valkey or Redis runs and that REDIS_URL names it. No job is lost by this."
            ),
            "silent": _("It takes connections and does not answer: restart Valkey or Redis."),
        },
        Status.DEGRADED: {
            "full": _("Its memory is full: restart it, or raise its maxmemory. Nothing in it is needed."),
        },
    },
    Name.WORKERS: {
        Status.DOWN: {
            "silent": _("Messages pile up and no worker takes them. Look at the workers' log."),
        },
        Status.UNKNOWN: {
            **_NOT_ANSWERED,
            "not_seen_yet": _("No worker has run since this installation was made."),
            "beat_away": _(
                "No periodic task arrives, so the state of the workers is not known: see the timer."
            ),
            "broker_away": _("They cannot be reached without the message broker."),
        },
    },
    Name.BEAT: {
        Status.DOWN: {
            "silent": _("The process beat sends no periodic tasks. Look at its log."),
        },
        Status.UNKNOWN: {
            **_NOT_ANSWERED,
            "not_seen_yet": _("It has sent no task since this installation was made."),
            "workers_away": _("No worker takes the tasks that it sends: see the workers."),
            "broker_away": _("It can send no tasks without the message broker."),
        },
    },
    Name.QUEUE: {
        Status.DEGRADED: {
            "waiting_long": _("A job could start and was not started. Look at the workers and their log."),
            "unfinalized": _("The result of a job could not be registered yet. The workers' log says why."),
            "waits_for_disk": _(
                "Jobs wait for space on the disk. Delete what is no longer needed, or add space."
            ),
            "waits_for_workers": _(
                "Jobs wait for newer workers. Upgrade the workers to the release of the web."
            ),
        },
        Status.UNKNOWN: _NOT_ANSWERED,
    },
    Name.AUDIT: {
        Status.DEGRADED: {
            "broken": _(
                "An entry was changed or removed outside Kosha, or the disk has damaged it. The workers' log names the "
                "organization. Change nothing, restore a backup elsewhere, and compare both."
            ),
            "overdue": _("It has not been verified for half an hour. Look at the workers and their log."),
        },
        Status.UNKNOWN: {
            **_NOT_ANSWERED,
            "not_verified_yet": _("A worker verifies it every minute."),
        },
    },
    Name.PARSERS: {
        Status.DEGRADED: {
            "limits_only": _(
                "A machine that reads documents limits their parsers' memory and time only. Run the workers on x86-64 or "
                "ARM with a Linux kernel that has seccomp, and allow user namespaces there or install bubblewrap."
            ),
        },
        Status.UNKNOWN: _NOT_ANSWERED,
    },
    Name.STORAGE: {
        Status.DOWN: {
            "full": _(
                "Uploads are refused and trainings wait after a checkpoint, so that the database keeps its space. "
                "Add space."
            ),
            "unreachable": _(
                "The storage folder is missing, read-only or closed to Kosha. Check mount and permissions."
            ),
            "silent": _("The file system does not answer. Check its mount, and the network behind it."),
        },
        Status.DEGRADED: {
            "low": _("Large jobs wait for space. Delete models, indexes and documents, or add space."),
        },
    },
    Name.MODEL_SERVER: {
        Status.DOWN: {
            "unreachable": _("It is restarted automatically. If this lasts, look at its log on the machine."),
            "silent": _(
                "It does not answer and is restarted automatically. If this lasts, restart it yourself."
            ),
        },
        Status.DEGRADED: {
            "starting": _("It is loading its libraries; questions wait for it."),
            "busy": _("Many answers are being written; further questions may be refused for a moment."),
        },
    },
    Name.MAIL: {
        Status.NONE: {
            "not_set": _(
                "No mail server is set, so links are shown to the inviter. Set KOSHA_SMTP_HOST to mail them."
            ),
        },
        Status.DEGRADED: {
            "not_taken": _(
                "Mails wait because the mail server does not take them. Check it and the variables KOSHA_SMTP_…; "
                "the workers' log names the error."
            ),
        },
        Status.UNKNOWN: _NOT_ANSWERED,
    },
    Name.REPLICATION: {
        Status.NONE: {
            "not_built": _(
                "Kosha does not replicate its database. Make backups: they protect from a broken disk."
            ),
        },
    },
}

FINDINGS: dict[tuple[Name, str], tuple[Status, Text]] = {
    (name, code): (status, remedy)
    for name, by_status in _REMEDIES.items()
    for status, by_code in by_status.items()
    for code, remedy in by_code.items()
}
"""Status and remedy by part and code; codes are stable. Without a code a part works."""

ISOLATIONS: dict[str, Text] = {
    "namespaces": _("isolated by namespaces of their own"),
    "bubblewrap": _("isolated by bubblewrap"),
    "landlock": _("isolated by Landlock and a filter of system calls"),
    "system_calls": _("isolated by a filter of system calls"),
    "limits": _("not isolated"),
}
"""By the word of the contract, the strongest first."""

OCR_ENGINES: dict[str, Text] = {
    "rapidocr": "RapidOCR",
    "tesseract": "Tesseract",
    "none": _("none; scans and images are refused until rapidocr or tesseract-ocr is installed"),
}
"""What recognizes text in pictures, by the word of the contract."""

_TRAININGS_CONTINUE = _("Running trainings continue.")
_PAGES_WORK = _("Pages, uploads, search and chat work, and running trainings continue.")
_JOBS_STAND = _("Waiting jobs do not start, and results are not registered.")

OUTAGES: dict[Name, tuple[Text, Text, Text]] = {
    Name.DATABASE: (
        _("The database does not answer."),
        _("Pages cannot be opened and nothing can be saved."),
        _("Running trainings continue, and nothing that was saved is lost."),
    ),
    Name.MIGRATIONS: (
        _("The database is being updated."),
        _("Pages may fail until this is done."),
        _TRAININGS_CONTINUE,
    ),
    Name.BROKER: (_("The message broker does not answer."), _JOBS_STAND, _PAGES_WORK),
    Name.WORKERS: (_("No worker is running."), _JOBS_STAND, _PAGES_WORK),
    Name.BEAT: (
        _("The timer has stopped."),
        _("Jobs start and end late, and schedules do not run."),
        _PAGES_WORK,
    ),
    Name.STORAGE: (
        _("The disk is full."),
        _("Uploads are refused, and jobs wait for space."),
        _("Pages, search and chat work. Jobs continue by themselves when there is space."),
    ),
    Name.MODEL_SERVER: (
        _("The model server does not answer."),
        _("Chat and search do not answer."),
        _("Documents, datasets and trainings work."),
    ),
}
"""For all users, while a part is down: what happened, what does not work, and what still does."""

_STORAGE_AWAY = (
    _("The storage cannot be used."),
    _("Nothing can be stored, and files may not open: documents, datasets, models and indexes."),
    _("Pages without files work. Nothing that was stored is lost by this."),
)
OUTAGES_BY_CODE = {(Name.STORAGE, code): _STORAGE_AWAY for code in ("unreachable", "silent")}
"""Where the text depends on why a part is down."""

TROUBLES: dict[str, Text] = {
    "ended": _("It ended without being asked to. Its log on the machine says why."),
    "silent": _("It was running and did not answer any more, so it was ended."),
    "not_started": _("It could not be started. The output of manage.py up on the machine names the cause."),
}
"""What happened to a process that `manage.py up` keeps running."""
