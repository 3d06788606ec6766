"""Samples of memory, open files and database connections while the clients work, and their limits."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from demo.installation import Installation
from tests.load.counters import markdown
from tests.load.threads import Threads

INTERVAL_SECONDS = 1.0
MEBIBYTE = 1 << 20
JUDGED_SHARE = 0.5
"""Of the samples, the newest: the first half is warm-up."""
GROWTH_BYTES, GROWTH_SHARE = 24 * MEBIBYTE, 0.05
"""Memory is bounded if the line fitted through the second half rises by no more than the larger of these."""
GROWTH_FILES, GROWTH_FILES_SHARE = 64, 0.1
"""The same for open files: sockets come and go with the clients, and PostgreSQL opens the files of tables as
it needs them."""
WORKER_CONNECTIONS = 8
"""Two children, their parent and the beat scheduler, each with one; twice that while children are replaced."""
CONNECTIONS = """
    SELECT application_name, count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1
"""


@dataclass(frozen=True)
class Sample:
    moment: float
    memory: int
    """Bytes of anonymous memory of the service's processes (RssAnon)."""
    files: int


@dataclass
class Resources:
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    connections: list[Counter[str]] = field(default_factory=list)
    """By application name, of the server's client connections."""

    def table(self) -> str:
        rows = []
        for service, samples in sorted(self.samples.items()):
            kept = _second_half(samples)
            megabytes = [f"{value / MEBIBYTE:,.0f}" for value in (samples[0].memory, *_ends(kept))]
            peak = max(sample.memory for sample in samples)
            files = [str(samples[0].files), str(max(sample.files for sample in samples))]
            rows.append((service, *megabytes, f"{peak / MEBIBYTE:,.0f}", *files))
        head = ("process", "MiB at first", "at half-time", "at the end", "peak", "files at first", "at most")
        return markdown(head, rows)

    def most_connections(self) -> Counter[str]:
        most: Counter[str] = Counter()
        for seen in self.connections:
            most |= seen
        return most

    def violations(self, pool_size: int) -> list[str]:
        """What exceeds its limit, in sentences."""
        found = []
        for service, samples in self.samples.items():
            kept = _second_half(samples)
            for name, growth, allowed in (
                ("bytes", _growth([(s.moment, s.memory) for s in kept]), _allowed_growth(kept)),
                ("open files", _growth([(s.moment, s.files) for s in kept]), _allowed_files(kept)),
            ):
                if growth > allowed:
                    found.append(f"{service}: {growth:,.0f} more {name} over the second half")
        return found + self.unbounded_connections(pool_size)

    def unbounded_connections(self, pool_size: int) -> list[str]:
        found = []
        web = self.most_connections()["kosha web"]
        total = max((sum(seen.values()) for seen in self.connections), default=0)
        if web > pool_size:
            found.append(f"{web} connections of the web, whose pool has {pool_size}")
        if total > pool_size + WORKER_CONNECTIONS:
            found.append(f"{total} connections at once")
        return found


def _second_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples[int(len(samples) * (1 - JUDGED_SHARE)) :]


def _ends(kept: Sequence[Sample]) -> tuple[float, float]:
    """The fitted line at its beginning and end: single samples jump."""
    points = [(sample.moment, float(sample.memory)) for sample in kept]
    middle, growth = statistics.mean(value for _moment, value in points), _growth(points)
    return middle - growth / 2, middle + growth / 2


def _growth(points: Sequence[tuple[float, float]]) -> float:
    """What the least-squares line rises from the first to the last point."""
    if len(points) < 3:
        return 0.0
    line = statistics.linear_regression([x for x, _ in points], [y for _, y in points])
    return line.slope * (points[-1][0] - points[0][0])


def _allowed_growth(kept: Sequence[Sample]) -> float:
    return max(GROWTH_BYTES, GROWTH_SHARE * statistics.mean(sample.memory for sample in kept))


def _allowed_files(kept: Sequence[Sample]) -> float:
    return max(GROWTH_FILES, GROWTH_FILES_SHARE * statistics.mean(sample.files for sample in kept))


@contextlib.contextmanager
def sampled(kosha: Installation) -> Iterator[Resources]:
    """What the services hold inside the block, once a second."""
    state, resources = kosha.state, Resources()
    roots = {name: psutil.Process(facts["pid"]) for name, facts in state["services"].items()}
    with psycopg.connect(state["database_url"], autocommit=True) as connection, Threads() as threads:

        def sample() -> None:
            for name, root in roots.items():
                with contextlib.suppress(psutil.Error):
                    resources.samples[name].append(_sample_of(root))
            resources.connections.append(Counter(dict(connection.execute(CONNECTIONS).fetchall())))

        threads.repeat("sampler", sample, INTERVAL_SECONDS)
        yield resources
    assert threads.crashes == []


def _sample_of(root: psutil.Process) -> Sample:
    memory = files = 0
    for process in (root, *root.children(recursive=True)):
        # Engines are not among the children: they run in sessions of their own.
        with contextlib.suppress(psutil.Error, OSError):
            memory += _own_memory(process.pid)
            files += process.num_fds()
    return Sample(time.monotonic(), memory, files)


def _own_memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0
