"""One fault run from start to end: work begins, faults happen by plan, all jobs end, everything is observed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from tests.end_to_end.invented_company import Company
from tests.engines.training.tiny import make_model
from tests.faults import observations as observe
from tests.faults.injector import Injector
from tests.faults.installation import FaultyInstallation, NotReached
from tests.faults.kinds.base import FaultContext
from tests.faults.monitor import INTERVAL_SECONDS, Monitor
from tests.faults.observations import Observations
from tests.faults.plan import PlannedFault
from tests.faults.report import FaultLog
from tests.faults.workload import TIMEOUT_SECONDS, Clients, Training, Workload
from tests.installation import (
    CAUSAL,
    EMBEDDING,
    MODELS,
    TINY,
    TWO_CORES,
    create_organization,
    register_models,
)
from tests.load.clients import ConsoleVisitor, CountingClient, NotAnswered
from tests.load.counters import Outcome
from tests.load.threads import Threads

END_SECONDS = 300.0
"""For all jobs to end after the last fault."""
REFERENCE_SECONDS = 240.0
SHARED_MEMORY = Path("/dev/shm")
UNFINISHED = "SELECT count(*) FROM jobs_job WHERE cleaned_at IS NULL"

Say = Callable[[str], None]


def run(
    folder: Path, plan: Sequence[PlannedFault], log: FaultLog, workload: Workload, say: Say
) -> Observations:
    """A whole run on a new installation in `folder`; none of its processes is left afterwards."""
    tiny = folder / "models" / TINY
    roots = os.pathsep.join([str(MODELS), str(tiny.parent)])
    installation = FaultyInstallation(folder, KOSHA_MODEL_ROOTS=roots, **TWO_CORES)
    shared_before, monitor = _shared_memory(), Monitor(installation)
    try:
        with Threads() as threads:
            installation.spawn()
            make_model(tiny)
            threads.repeat("monitor", monitor.look, INTERVAL_SECONDS)
            installation.wait_until_up()
            say("everything answers")
            clients = _clients(installation, tiny, log, workload)
            found = _work_under_faults(installation, clients, monitor, plan, log, say)
        found.crashes += threads.crashes
        installation.stop()
        say("stopped")
        if found.backups:
            found.restore_errors = installation.restore_elsewhere()
            say("the last backup was restored")
        found.processes = [" ".join(process.cmdline())[:200] for process in installation.processes()]
        found.leftovers = observe.leftovers(installation, found.pending_parts)
        found.shared_memory = sorted(_shared_memory() - shared_before)
        found.exposed_secrets = observe.exposed_secrets(installation, found.jobs)
        return found
    finally:
        installation.end()


def _clients(installation: FaultyInstallation, tiny: Path, log: FaultLog, workload: Workload) -> Clients:
    # Each command starts a Django of its own.
    with ThreadPoolExecutor() as pool:
        folders = (MODELS / CAUSAL, MODELS / EMBEDDING, tiny)
        registered = pool.submit(register_models, installation, *folders)
        owner = create_organization(installation, "faults").owner
        registered.result()
    api = CountingClient(installation, owner.api_key, log.counters, TIMEOUT_SECONDS)
    visitor = ConsoleVisitor(installation, owner.email, owner.password, log.counters, TIMEOUT_SECONDS)
    clients = Clients(installation, api, visitor, Company(log.seed), workload)
    clients.prepare()
    return clients


def _work_under_faults(
    installation: FaultyInstallation,
    clients: Clients,
    monitor: Monitor,
    plan: Sequence[PlannedFault],
    log: FaultLog,
    say: Say,
) -> Observations:
    context = FaultContext(installation)
    clients.begin()
    try:
        say("the work has begun")
        Injector(context, log, say).run(plan)
        say("the last fault is healed")
    finally:
        clients.end()
    installation.wait_until_up()
    say(f"everything answers again; {_unfinished(installation)} jobs to go")
    with contextlib.suppress(NotReached):
        installation.wait_for("every job has ended", lambda: _unfinished(installation) == 0, END_SECONDS)
    say(f"{_unfinished(installation)} jobs did not end")
    ran = set(clients.acknowledged.trainings.values())
    references = {
        training.name: _reference_run(installation, clients, training)
        for training in clients.trainings
        if training.name in ran
    }
    say("the same trainings have run undisturbed")
    return _observe(installation, clients, context, monitor, references, log)


def _unfinished(installation: FaultyInstallation) -> int | None:
    """Jobs that have not ended; None where the database does not answer."""
    try:
        with installation.connect() as connection:
            row = connection.execute(UNFINISHED).fetchone()
            return int(row[0]) if row else None
    except (psycopg.Error, KeyError):
        return None


def _reference_run(installation: FaultyInstallation, clients: Clients, training: Training) -> str | None:
    """The id of the same training's run, undisturbed; None where it was not accepted."""
    runs: list[str] = []

    def is_accepted() -> bool:
        with contextlib.suppress(NotAnswered):
            runs.append(clients.start(training, f"reference-{training.name}"))
        return bool(runs)

    with contextlib.suppress(NotReached):
        installation.wait_for("the reference is accepted", is_accepted, 30)
        installation.wait_for(
            "the reference has ended", lambda: _unfinished(installation) == 0, REFERENCE_SECONDS
        )
    return runs[0] if runs else None


def _observe(
    installation: FaultyInstallation,
    clients: Clients,
    context: FaultContext,
    monitor: Monitor,
    references: dict[str, str | None],
    log: FaultLog,
) -> Observations:
    accepted = clients.acknowledged
    versions, adapters = observe.versions(installation)
    runs = {run: training for training, run in references.items() if run}
    ids = [*accepted.files, *accepted.trainings, *accepted.cancelled, *accepted.stores]
    errors = log.counters.details[Outcome.FAILED]
    return Observations(
        jobs=observe.jobs(installation),
        trainings=observe.jobs_of_runs(installation, accepted.trainings),
        references={name: job for job, name in observe.jobs_of_runs(installation, runs).items()},
        adapters=adapters,
        versions=versions,
        known=observe.known(installation, ids),
        uploads={id: _is_whole(clients.api, id, sha256) for id, sha256 in accepted.files.items()},
        simultaneous=sorted(monitor.simultaneous),
        pending_parts=observe.pending_parts(installation),
        damaged=context.damaged,
        damage_used=context.damage_used,
        server_errors=[what for what in errors if "500" in what.split() and ".artifact_" not in what],
        crashes=clients.threads.crashes,
        truncated_streams=accepted.truncated_streams,
        backups=accepted.backups,
        never_happened=log.never_happened(),
    )


def _is_whole(api: CountingClient, id: str, sha256: str) -> bool:
    try:
        answer = api.get(f"/files/{id}/content")
    except httpx.HTTPError:
        return False
    return answer.status == 200 and hashlib.sha256(answer.content).hexdigest() == sha256


def _shared_memory() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()}
