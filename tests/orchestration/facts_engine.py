"""An engine for tests that writes down what its process looks like."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from workers.contract.process_identity import process_identity
from workers.contract.spec import Spec
from workers.engines.shared.runtime import Run, run_engine

SECRET = "KOSHA_RUN_SECRET"
LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC", "STACK")


class FactsSpec(Spec):
    multiplies: bool = False
    """Let torch compute on all of the run's threads."""
    processes: int = 1


def facts() -> dict[str, object]:
    proc = Path("/proc/self")
    status = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    return {
        # Each job has a secret of its own; the interpreter itself may set the other one.
        "environment": {
            name: value for name, value in os.environ.items() if name not in (SECRET, "LC_CTYPE")
        },
        "secret": len(os.environ[SECRET]),
        "directory": str(Path.cwd()),
        "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0),
        "niceness": os.nice(0),
        "oom_score_adj": (proc / "oom_score_adj").read_text(),
        "autogroup": (proc / "autogroup").read_text().split()[-1] if (proc / "autogroup").exists() else "",
        "limits": {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in LIMITS},
        "umask": status["Umask"],
        "user": (status["Uid"], status["Gid"], status["Groups"], status["CapEff"], status["NoNewPrivs"]),
        "signals": {name: status[name] for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd")},
        "death signal": _death_signal(),
        "files": sorted({_target(entry) for entry in (proc / "fd").iterdir()} - {""}),
        "arguments": sys.argv,
        "main": sys.modules["__main__"].__spec__.name,
        "first path": sys.path[0],
        "is marked": f"KOSHA_RUN_DIR={os.environ['KOSHA_RUN_DIR']}".encode()
        in (proc / "environ").read_bytes().split(b"\0"),
        "command": (proc / "cmdline").read_bytes().rstrip(b"\0").decode().split("\0")[1:3],
        "collects garbage": gc.isenabled(),
    }


def _death_signal() -> int:
    import ctypes

    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(number))
    return signal.Signals(number.value)


def _target(entry: Path) -> str:
    try:
        target = str(entry.readlink())
    except FileNotFoundError:
        return ""
    return target.split("[")[0]


def multiply(threads: int) -> dict[str, object]:
    import torch

    before = torch.get_num_threads()
    a = torch.arange(512 * 512, dtype=torch.float32).reshape(512, 512) / 512**2
    return {
        "threads at first": before,
        "product": float((a @ a).sum()),
        "sum": float(torch.sin(a.repeat(8, 8)).sum()),
        "threads": len(list(Path("/proc/self/task").iterdir())) >= threads,
        "cuda": torch.cuda.is_initialized(),
    }


def work(run: Run, spec: FactsSpec) -> dict[str, object]:
    run.started()
    own = {"random": random.random(), "parent": asdict(process_identity(os.getppid()))}
    (run.output_dir / "own.json").write_text(json.dumps(own))
    found = facts() | (multiply(run.config.threads) if spec.multiplies else {})
    return {"facts": json.dumps(found, sort_keys=True).replace(str(run.directory), "RUN"), **own}


def main() -> None:
    run_engine("facts", FactsSpec, work)


if __name__ == "__main__":
    main()
