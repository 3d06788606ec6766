"""What every process of a run finds in its environment on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from workers.contract.run_folder import RUN_DIR_VARIABLE, RunFolder
from workers.orchestration.launchers.base import Engine

ROOT = Path(__file__).resolve().parents[4]

WITHHELD = (
    "DATABASE_URL",
    "REDIS_URL",
    "KOSHA_SECRET_KEY",
    "KOSHA_MODEL_SERVER_TOKEN",
    "DJANGO_SETTINGS_MODULE",
    "KOSHA_STACK",
)
"""An engine knows neither the database nor any key of the platform, and is no part of the stack that
is ended with it."""

_TCMALLOC = (
    "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4",
    "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4",
    "/usr/lib/aarch64-linux-gnu/libtcmalloc_minimal.so.4",
)


def _allocator() -> dict[str, str]:
    found = next((path for path in _TCMALLOC if Path(path).exists()), None)
    return {} if found is None else {"LD_PRELOAD": found}


LIBRARIES = {
    **_allocator(),
    # A thread that spins at a barrier takes the core from the one it waits for: beside other work on two cores,
    # matrix products ran ten times slower and worse.
    "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # No thread before the engine asks for some.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What libraries read when they are loaded; the number of threads is settled later."""


def environment_of(run_dir: Path, engine: Engine) -> dict[str, str]:
    """The whole of it."""
    return {
        **{name: value for name, value in os.environ.items() if name not in WITHHELD},
        **_allocator(),
        **engine.environment,
        RUN_DIR_VARIABLE: str(run_dir),
        # What libraries leave behind when they are killed is removed with the folder of the run.
        "TMPDIR": str(RunFolder(run_dir).scratch),
        "PYTHONPATH": str(ROOT),
    }
