"""One storm from start to table: work begins, faults happen by plan, the calm is awaited, all is checked."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import psycopg
import redis

from tests.engines.training.tiny import make_model
from tests.faults import evidence as read
from tests.faults.evidence import Evidence
from tests.faults.faults import KINDS, Impossible, Skipped
from tests.faults.faults.base import PATIENCE, Injected, Storm
from tests.faults.installation import StormedInstallation, Unreached
from tests.faults.load import CAUSAL, TINY, Api, Load, Recipe, Visitor, Work
from tests.faults.plan import Planned
from tests.faults.report import Record
from tests.faults.watch import Watch
from tests.installation import EMBEDDING, ONE_CORE, create_organization, register_models

CALM_SECONDS = 300.0
REFERENCE_SECONDS = 240.0
LAST_SECONDS = 120.0
LAST_SHARE = 0.5
"""So long, or such a share of the storm, when all else is done, faults that had no victim wait for one:
what a training or a finished model suffers needs one that got so far."""
SHARED_MEMORY = Path("/dev/shm")
AWAY = (psutil.Error, psycopg.Error, redis.RedisError, OSError, KeyError)
"""What a fault meets whose victim is just down for another reason."""
UNFINISHED = "SELECT count(*) FROM jobs_job WHERE cleaned_at IS NULL"


def weather(
    repository: Path,
    folder: Path,
    plan: Sequence[Planned],
    record: Record,
    work: Work,
    say: Callable[[str], None],
) -> Evidence:
    """Run the whole storm on a fresh installation in `folder`; nothing of it runs afterwards."""
    models, tiny = repository / "var" / "models", folder / "models" / TINY
    roots = os.pathsep.join([str(models), str(tiny.parent)])
    installation = StormedInstallation(folder, KOSHA_MODEL_ROOTS=roots, **ONE_CORE)
    shared = _shared_memory()
    watch = Watch(installation)
    try:
        installation.spawn()
        make_model(tiny)
        watch.start()
        installation.up_again()
        say("everything answers")
        load = _load(installation, models, tiny, record, work)
        evidence = _weather(installation, load, watch, plan, record, say)
        watch.end()
        installation.stop()
        say("stopped")
        if evidence.backups:
            evidence.unrestorable = installation.restore_elsewhere()
            say("the last backup was restored")
        evidence.processes = [" ".join(process.cmdline())[:200] for process in installation.processes()]
        evidence.leftovers = read.read_leftovers(installation, evidence.awaited_parts)
        evidence.shared_memory = sorted(_shared_memory() - shared)
        evidence.secrets_told = read.read_secrets_told(installation, evidence.jobs)
        return evidence
    finally:
        watch.end()
        installation.end()


def _load(installation: StormedInstallation, models: Path, tiny: Path, record: Record, work: Work) -> Load:
    # Each is a Django of its own to start.
    with ThreadPoolExecutor() as pool:
        registered = pool.submit(register_models, installation, models / CAUSAL, models / EMBEDDING, tiny)
        owner = create_organization(installation, "storm").owner
        registered.result()
    api = Api(installation, owner.api_key)
    record.answers = api.answers
    visitor = Visitor(installation, api, owner.email, owner.password)
    load = Load(installation, api, visitor, record.seed, work)
    load.prepare()
    return load


def _weather(
    installation: StormedInstallation,
    load: Load,
    watch: Watch,
    plan: Sequence[Planned],
    record: Record,
    say: Callable[[str], None],
) -> Evidence:
    storm = Storm(installation, ask=_asker(installation))
    load.begin()
    try:
        say("the work has begun")
        happen(storm, plan, record, say)
        say("the storm is over")
    finally:
        load.end()
    installation.up_again()
    say("everything answers again")
    _calm(installation, say)
    ran = set(load.seen.trainings.values())
    references = {
        recipe.name: _reference(installation, load, recipe) for recipe in load.recipes if recipe.name in ran
    }
    say("the same trainings have run undisturbed")
    return _evidence(installation, load, storm, watch, references, record)


# -- faults by plan -------------------------------------------------------------------------------
def happen(storm: Storm, plan: Sequence[Planned], record: Record, say: Callable[[str], None]) -> None:
    """Inject at their times, heal each when it has lasted; returns when everything is healed.

    What finds no victim at its time is tried again after each later fault, and for a while at the end.
    """
    faults = Faults(storm, record, say)
    owed: list[Planned] = []
    try:
        for planned in plan:
            faults.wait_until(planned.at)
            is_done = faults.inject(planned, PATIENCE)
            owed = [earlier for earlier in owed if not faults.inject(earlier, 0.0, quietly=True)]
            owed += [] if is_done else [planned]
        last = max((planned.at for planned in plan), default=0.0)
        deadline = time.monotonic() + max(LAST_SECONDS, LAST_SHARE * last)
        while owed and time.monotonic() < deadline:
            owed = [planned for planned in owed if not faults.inject(planned, 1.0, quietly=True)]
    finally:
        faults.heal()


class Faults:
    """Does what is planned, and keeps in mind what has to be healed."""

    def __init__(self, storm: Storm, record: Record, say: Callable[[str], None]) -> None:
        self._storm = storm
        self._record = record
        self._say = say
        self._began = time.monotonic()
        self._healing: list[threading.Timer] = []

    def wait_until(self, at: float) -> None:
        time.sleep(max(0.0, self._began + at - time.monotonic()))

    def inject(self, planned: Planned, patience: float, *, quietly: bool = False) -> bool:
        """False where it is worth another try."""
        self._storm.patience = patience
        try:
            injected = KINDS[planned.kind].inject(self._storm, random.Random(planned.draw))
        except (Skipped, *AWAY) as why:
            reason = str(why) if isinstance(why, Skipped) else type(why).__name__
            is_impossible = isinstance(why, Impossible)
            if not quietly:
                self._record.skip(planned.kind, reason, is_impossible=is_impossible)
                self._tell(f"{planned.kind}: skipped, {reason}")
            return is_impossible
        self._record.happened.append((self._seconds, planned.kind, injected.what))
        self._tell(injected.what)
        self._healing.append(threading.Timer(injected.hold, _heal, [injected]))
        self._healing[-1].start()
        return True

    def heal(self) -> None:
        for timer in self._healing:
            timer.join()

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _tell(self, what: str) -> None:
        self._say(f"{self._seconds:6.1f} s  {what}")


def _heal(injected: Injected) -> None:
    """PostgreSQL itself may be down when it shall be told to let people in again."""
    deadline = time.monotonic() + 60
    while True:
        try:
            injected.heal()
            return
        except (psycopg.OperationalError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


# -- afterwards -------------------------------------------------------------------------------------
def _calm(installation: StormedInstallation, say: Callable[[str], None]) -> None:
    """Until every job has ended, or does not move any more; the checks tell which."""
    say(f"{_unfinished(installation)} jobs to go")
    with contextlib.suppress(Unreached):
        installation.wait_for("every job has ended", lambda: _unfinished(installation) == 0, CALM_SECONDS)
    say(f"calm, with {_unfinished(installation)} jobs to go")


def _unfinished(installation: StormedInstallation) -> int | None:
    try:
        with installation.connect() as connection:
            row = connection.execute(UNFINISHED).fetchone()
            return int(row[0]) if row else None
    except (psycopg.Error, KeyError):
        return None


def _reference(installation: StormedInstallation, load: Load, recipe: Recipe) -> str | None:
    """The same training once more, undisturbed; its run."""
    runs: list[str] = []

    def is_taken() -> bool:
        run = load.start(recipe, f"reference-{recipe.name}")
        runs.extend([run] if run else [])
        return run is not None

    with contextlib.suppress(Unreached):
        installation.wait_for("the reference is taken", is_taken, 30)
        del load.seen.trainings[runs[0]]
        installation.wait_for(
            "the reference has ended", lambda: _unfinished(installation) == 0, REFERENCE_SECONDS
        )
    return runs[0] if runs else None


def _evidence(
    installation: StormedInstallation,
    load: Load,
    storm: Storm,
    watch: Watch,
    references: dict[str, str | None],
    record: Record,
) -> Evidence:
    seen = load.seen
    versions, adapters = read.read_versions(installation)
    runs = {run: recipe for recipe, run in references.items() if run}
    return Evidence(
        jobs=read.read_jobs(installation),
        recipes=read.jobs_of_runs(installation, seen.trainings),
        references={recipe: job for job, recipe in read.jobs_of_runs(installation, runs).items()},
        adapters=adapters,
        versions=versions,
        known=read.read_known(installation, [*seen.files, *seen.trainings, *seen.given_up, *seen.stores]),
        uploads={id: _is_whole(load.api, id, sha256) for id, sha256 in seen.files.items()},
        together=sorted(watch.together),
        awaited_parts=read.read_awaited_parts(installation),
        damaged=storm.damaged,
        damage_used=storm.damage_used,
        failures=[what for what in load.api.answers if "500" in what.split() and ".artifact_" not in what],
        crashes=load.crashes,
        quiet_ends=seen.quiet_ends,
        backups=seen.backups,
        never_done=record.never_done(),
    )


def _is_whole(api: Api, id: str, sha256: str) -> bool:
    answer = api.call("GET", f"/files/{id}/content")
    return answer is not None and hashlib.sha256(answer.content).hexdigest() == sha256


def _asker(installation: StormedInstallation) -> Callable[[Path], str | None]:
    models = installation.repository / "var" / "models"

    def ask(folder: Path) -> str | None:
        if folder.parent.name == "indexes":
            path, body = "/v1/search", {"index": str(folder), "query": "棚卸し"}
        else:
            base = models / CAUSAL if _is_for_causal(folder) else installation.folder / "models" / TINY
            choice = {"base_model": str(base), "adapter": str(folder)}
            messages = [{"role": "user", "content": "Hello"}]
            path, body = "/v1/chat/completions", {"messages": messages, "kosha": choice, "max_tokens": 1}
        token = (installation.var / "model_server_token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            url = installation.state["model_server_url"] + path
            answer = httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)
            value = answer.json()
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        # A refusal that comes after the first keep-alive has its status in the body.
        if value.get("status", answer.status_code) == 503:
            return None
        return str(value["error"]["code"]) if "error" in value else "used"

    return ask


def _is_for_causal(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return f'"base_model": "{CAUSAL}"' in (folder / "manifest.json").read_text()
    return True


def _shared_memory() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()}
