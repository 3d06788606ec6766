"""How the runs of one machine share its cores.

A run that is alone has all of them. A light job computes with what the others leave free, at least with one thread; where
nothing is free, the others give threads back, and take them again when it has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

from common.tenancy import every_organization
from jobs.models import Cluster, Job
from jobs.transitions import ACTIVE
from workers.contract.run_folder import RunFolder
from workers.orchestration.launchers.installed import Launchers


def thread_shares(cpus: int, active: Sequence[Job]) -> dict[str, int]:
    """Threads of each process, by job."""
    light = [job for job in active if job.light]
    full = [job for job in active if not job.light]
    owned = sum(job.cpus for job in full)
    free = max(0, cpus - owned)
    lacking = max(0, len(light) - free)
    shares = {job.id: max(1, free // len(light)) for job in light}
    for job in full:
        given_back = -(-lacking * job.cpus // max(1, owned))
        shares[job.id] = max(1, (job.cpus - given_back) // job.processes)
    return shares


def share_cores(launchers: Launchers) -> None:
    """Leave its share in the folder of each run; its engine looks there. Repeatable, and late at worst."""
    machines = [name for name, launcher in launchers.items() if launcher.is_one_machine]
    with every_organization("the runs of a machine share its cores"):
        clusters = {cluster.id: cluster for cluster in Cluster.objects.filter(launcher__in=machines)}
        rows = Job.objects.filter(cluster__in=clusters, state__in=ACTIVE)
        active = list(rows.only("id", "fence", "cluster_id", "cpus", "light", "processes"))
    for cluster_id, jobs in _by_cluster(active).items():
        shares = thread_shares(clusters[cluster_id].cpus, jobs)
        for job in jobs:
            # No folder: it is just being launched, or gone.
            with suppress(OSError):
                RunFolder(job.run_dir).write_threads(shares[job.id])


def _by_cluster(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    found: defaultdict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        found[job.cluster_id].append(job)
    return found
