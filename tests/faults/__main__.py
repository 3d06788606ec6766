"""Kill everything, for real: a seeded storm over a whole installation at work.

    python -m tests.faults --minutes 15 --seed 1        make faults MINUTES=60 SEED=7

Prints the plan, what happens, and a table; exits with 1 unless every row that must be 0 is 0.
With root it runs in namespaces of its own, with a disk that can be filled.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stack.processes import guarded
from tests.faults import ROOT
from tests.faults.checks import judge
from tests.faults.evidence import dump
from tests.faults.faults import KINDS
from tests.faults.installation import mount_disk
from tests.faults.load import SHORT_WORK, WORK
from tests.faults.plan import make_plan
from tests.faults.report import Record, render
from tests.faults.storm import weather

INSIDE = "KOSHA_FAULTS_INSIDE"
SHORT_STORM = 3.0
"""Minutes; below, the work is smaller, too."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed where it is not given")
    parser.add_argument("--kinds", nargs="*", default=sorted(KINDS), choices=sorted(KINDS), metavar="KIND")
    parser.add_argument("--plan", action="store_true", help="print the plan and do nothing")
    parser.add_argument("--keep", type=Path, default=None, help="write the evidence there")
    return parser.parse_args()


NAMESPACES = [
    "--mount",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
]
"""Disk, shared memory and processes of our own: all of it is gone with us, however we end."""
REAPER = ["bash", "-c", '"$@"; exit $?', "reaper"]
"""The first process of a namespace inherits every orphan, and bash buries them."""


def enter_namespaces() -> None:
    """Go on inside and end as it ended there; without root we stay where we are."""
    if os.geteuid() != 0 or os.environ.get(INSIDE):
        return
    if subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True).returncode:
        return
    command = ["unshare", *NAMESPACES, *REAPER, sys.executable, "-m", "tests.faults", *sys.argv[1:]]
    # unshare itself takes no SIGTERM while it waits; it dies with us, and everything inside with it.
    inside = subprocess.Popen(guarded(command, death_signal="KILL"), env={**os.environ, INSIDE: "1"})
    sys.exit(inside.wait())


def main() -> int:
    options = arguments()
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
    began = time.monotonic()
    record = Record(seed, options.minutes)
    work = SHORT_WORK if options.minutes <= SHORT_STORM else WORK
    with tempfile.TemporaryDirectory(prefix="kosha-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        is_mounted = bool(os.environ.get(INSIDE)) and mount_disk(folder)
        try:
            evidence = weather(
                ROOT,
                folder,
                plan,
                record,
                work,
                lambda what: print(f"[{time.monotonic() - began:6.1f}] {what}", flush=True),
            )
            if options.keep:
                dump(evidence, options.keep)
        finally:
            if is_mounted:
                subprocess.run(["umount", "--lazy", name], check=False)
    rows = judge(evidence)
    print(render(record, evidence, rows), flush=True)
    return 1 if any(row.count for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
