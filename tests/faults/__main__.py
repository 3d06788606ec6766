"""A seeded run of faults over a whole installation at work: everything is killed, stopped, filled, damaged.

    python -m tests.faults --minutes 15 --seed 1        make faults MINUTES=60 SEED=7

Prints the plan, each fault, and tables; exits with 1 if a check finds a violation. As root it runs in
namespaces of its own, with a disk that can be filled.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from stack.processes import guarded
from tests.faults.checks import check_all
from tests.faults.installation import mount_disk
from tests.faults.kinds import KINDS
from tests.faults.observations import dump
from tests.faults.plan import make_plan
from tests.faults.report import FaultLog, render
from tests.faults.run import run
from tests.faults.workload import SHORT_WORKLOAD, WORKLOAD
from tests.installation import temporary_folder
from tests.load.checks import exit_code

INSIDE = "KOSHA_FAULTS_INSIDE"
SHORT_MINUTES = 3.0
"""Up to this length the workload is smaller, too."""
NAMESPACES = [
    "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
]  # fmt: skip
"""Its own disk, shared memory and processes: all of it ends with this program, however that ends."""
INIT = ["bash", "-c", '"$@"; exit $?', "init"]
"""The first process of a namespace inherits every orphan; bash waits for them."""


def main() -> int:
    options = parse_arguments()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    plan = make_plan(seed, options.minutes * 60, options.kinds)
    if not os.environ.get(INSIDE):
        print(f"seed {seed}, {options.minutes:g} minutes\n" + "\n".join(map(str, plan)), flush=True)
    if options.plan:
        return 0
    sys.argv += ["--seed", str(seed)]
    enter_namespaces()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.environ.get(INSIDE):
        subprocess.run(["mount", "-t", "tmpfs", "kosha-shm", "/dev/shm"], check=True)
    log = FaultLog(seed, options.minutes)
    workload = SHORT_WORKLOAD if options.minutes <= SHORT_MINUTES else WORKLOAD
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"[{time.monotonic() - began:6.1f}] {what}", flush=True)

    with temporary_folder("faults") as folder:
        is_mounted = bool(os.environ.get(INSIDE)) and mount_disk(folder)
        try:
            observations = run(folder, plan, log, workload, say)
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", str(folder)], check=False)
    if options.keep:
        dump(observations, options.keep)
    results = check_all(observations)
    print(render(log, observations, results), flush=True)
    return exit_code(results)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed where it is not given")
    parser.add_argument("--kinds", nargs="*", default=sorted(KINDS), choices=sorted(KINDS), metavar="KIND")
    parser.add_argument("--plan", action="store_true", help="print the plan and do nothing")
    parser.add_argument("--keep", type=Path, default=None, help="write the observations to this file")
    return parser.parse_args()


def enter_namespaces() -> None:
    """Run again inside namespaces and exit as that run did; without root, return."""
    if os.geteuid() != 0 or os.environ.get(INSIDE):
        return
    if subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True).returncode:
        return
    command = ["unshare", *NAMESPACES, *INIT, sys.executable, "-m", "tests.faults", *sys.argv[1:]]
    # unshare takes no SIGTERM while it waits; it dies with this process, and everything inside with it.
    inside = subprocess.Popen(guarded(command, death_signal="KILL"), env={**os.environ, INSIDE: "1"})
    sys.exit(inside.wait())


if __name__ == "__main__":
    sys.exit(main())
