"""After the load: what the server acknowledged must be in its database and its files.

Each check returns violations as sentences.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from demo.client import wait_until
from demo.installation import Installation
from tests.benchmarks.concurrency.clients import Acknowledged, Change
from tests.benchmarks.concurrency.fixture_data import FixtureData

READERS = 4
QUIET_SECONDS = 60

VERIFY_CHAIN = """
import json
from audit.chain import chain_verify
print(json.dumps([name for name in ({organization!r}, "installation") if chain_verify(name).broken is not None]))
"""


def check_all(kosha: Installation, data: FixtureData, acknowledged: Acknowledged) -> dict[str, list[str]]:
    """Violations by the name of the check."""
    with psycopg.connect(kosha.state["database_url"], row_factory=dict_row) as connection:
        history = connection.execute(HISTORY, [data.organization]).fetchall()
        aliases = connection.execute(SERVED, [data.organization]).fetchall()
        jobs = connection.execute(JOBS, [data.organization]).fetchall()
        revisions = connection.execute(REVISIONS, [data.organization]).fetchall()
    return {
        "uploads readable byte for byte": [
            *unreadable(data, acknowledged),
            *wrong_revisions(kosha, data, acknowledged, revisions),
            *repeated("upload", acknowledged.completions),
        ],
        "one job per idempotency key": [
            *repeated("idempotency key", acknowledged.submissions),
            *wrong_jobs(jobs, acknowledged),
        ],
        "publications and rollbacks once, in one order": wrong_history(
            history, aliases, acknowledged.changes
        ),
        "audit chain": [f"the chain of {name} is broken" for name in _broken_chains(kosha, data)],
        "no answer generated for a client that left": answers_under_way(kosha),
    }


# -- uploads ------------------------------------------------------------------------------------
REVISIONS = "SELECT id, sha256 FROM documents_revision WHERE organization_id = %s"


def unreadable(data: FixtureData, acknowledged: Acknowledged) -> list[str]:
    """Every acknowledged file, downloaded and compared by its sha256."""

    def violation(item: tuple[str, tuple[str, int]]) -> str | None:
        id, (sha256, size) = item
        answer = data.owner.api.get(f"/files/{id}/content")
        if answer.status != 200:
            return f"{id} answers {answer.status}"
        if (hashlib.sha256(answer.content).hexdigest(), len(answer.content)) != (sha256, size):
            return f"{id} has other bytes"
        return None

    with ThreadPoolExecutor(READERS) as pool:
        return [found for found in pool.map(violation, acknowledged.uploads.items()) if found]


def wrong_revisions(
    kosha: Installation, data: FixtureData, acknowledged: Acknowledged, rows: Sequence[dict[str, Any]]
) -> list[str]:
    """Revisions that lost their row or their bytes, also where a newer one has taken their place."""
    kept = {row["id"]: row["sha256"] for row in rows}
    blobs = kosha.var / "storage" / "organizations" / data.organization / "blobs"
    wrong = []
    for id, sha256 in acknowledged.revisions.items():
        blob = blobs / sha256[:2] / sha256
        if kept.get(id) != sha256:
            wrong.append(f"{id} is not in the database as it was answered")
        elif not blob.is_file() or hashlib.sha256(blob.read_bytes()).hexdigest() != sha256:
            wrong.append(f"the bytes of {id} are not in storage")
    return wrong


def repeated(what: str, answers: dict[str, set[str]]) -> list[str]:
    return [f"{what} {name} was answered with {sorted(ids)}" for name, ids in answers.items() if len(ids) > 1]


# -- jobs ---------------------------------------------------------------------------------------
JOBS = """
    SELECT job.idempotency_key AS key, run.id AS run
    FROM jobs_job job LEFT JOIN training_trainingrun run ON run.job_id = job.id
    WHERE job.organization_id = %s AND job.idempotency_key IS NOT NULL
"""


def wrong_jobs(rows: Sequence[dict[str, Any]], acknowledged: Acknowledged) -> list[str]:
    runs: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        runs[row["key"]].append(row["run"])
    return [
        f"key {key}: the database has {runs[key]}, answered was {sorted(answered)}"
        for key, answered in acknowledged.submissions.items()
        if answered and runs[key] != sorted(answered)
    ]


# -- publications and rollbacks -------------------------------------------------------------------
HISTORY = """
    SELECT deployment.alias, change.action, change.release_id AS release,
           change.previous_release_id AS previous, change.actor_id AS client,
           extract(epoch FROM change.created_at)::float AS moment
    FROM releases_deploymentchange change
    JOIN releases_deployment deployment ON deployment.id = change.deployment_id
    WHERE change.organization_id = %s ORDER BY change.number
"""
SERVED = "SELECT alias, release_id AS release FROM releases_deployment WHERE organization_id = %s"


def wrong_history(
    history: Sequence[dict[str, Any]], served: Sequence[dict[str, Any]], changes: Sequence[Change]
) -> list[str]:
    by_alias: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in history:
        by_alias[entry["alias"]].append(entry)
    wrong = [
        f"{alias} was served {number} times"
        for alias, number in Counter(row["alias"] for row in served).items()
        if number > 1
    ]
    for row in served:
        entries = by_alias[row["alias"]]
        wrong += [f"{row['alias']}: {sentence}" for sentence in _not_serial(entries, row["release"])]
        own = [change for change in changes if change.alias == row["alias"]]
        wrong += [f"{row['alias']}: {sentence}" for sentence in _not_as_answered(entries, own)]
    return wrong


def _not_serial(entries: Sequence[dict[str, Any]], current: str) -> Iterator[str]:
    """The history, walked from its beginning: each entry follows from those before it."""
    stack: list[str] = []
    before = None
    for position, entry in enumerate(entries):
        if entry["previous"] != before:
            yield f"entry {position} follows {entry['previous']}, but {before} was served"
        if entry["action"] == "publish":
            stack.append(entry["release"])
        else:
            stack = stack[:-1]
            if not stack or stack[-1] != entry["release"]:
                yield f"entry {position} rolled back to {entry['release']}, not to {stack[-1:]}"
        before = entry["release"]
    if before != current:
        yield f"{current} is served, but the last change was to {before}"


def _not_as_answered(entries: Sequence[dict[str, Any]], changes: Sequence[Change]) -> Iterator[str]:
    """Each client's entries are what it was answered, in that order, each once."""
    for client in {change.client for change in changes}:
        own = [entry for entry in entries if entry["client"] == client]
        position = 0
        for change in (one for one in changes if one.client == client):
            entry = own[position] if position < len(own) else None
            if entry is not None and _is_of(entry, change):
                position += 1
            elif change.acknowledged and not _changed_nothing(entries, change):
                yield f"{change.action} of {change.release} by {client} was answered and is not in the history"
        if position < len(own):
            yield f"{client} has {len(own) - position} more entries than it was answered"


def _is_of(entry: dict[str, Any], change: Change) -> bool:
    if entry["action"] != change.action or not change.began <= entry["moment"] <= change.ended:
        return False
    return change.release in (None, entry["release"])


def _changed_nothing(entries: Sequence[dict[str, Any]], change: Change) -> bool:
    """A publication of what was served at some moment while it was asked for."""
    ends = [entry["moment"] for entry in entries[1:]] + [float("inf")]
    return change.action == "publish" and any(
        entry["release"] == change.release and entry["moment"] <= change.ended and end >= change.began
        for entry, end in zip(entries, ends, strict=True)
    )


# -- the rest -----------------------------------------------------------------------------------
def _broken_chains(kosha: Installation, data: FixtureData) -> list[str]:
    code = VERIFY_CHAIN.format(organization=data.organization)
    return list(kosha.ask("shell", "-v", "0", "-c", code))


def answers_under_way(kosha: Installation) -> list[str]:
    """Answers that the model server still generates although no client waits for one."""

    def queue() -> int:
        health = httpx.get(f"{kosha.state['model_server_url']}/health", timeout=30, trust_env=False)
        return int(json.loads(health.text)["queue"])

    try:
        wait_until(queue, lambda length: length == 0, QUIET_SECONDS)
    except TimeoutError:
        return [f"{queue()} answers are still being generated"]
    return []
