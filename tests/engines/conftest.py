"""What the tests of several engines need: a run in this process, and an engine started as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.contract.spec import Spec
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.engines.shared.runtime import Run

REPOSITORY = Path(__file__).parents[2]

Started = tuple[int, dict[str, Any], Path]
"""Exit code, content of `result.json`, run folder."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    config = RunConfig(job_id="job-1", kind="test", fence=1, attempt=1, run_dir=tmp_path / "run", spec={})
    run = Run(config)
    yield run
    run.finish(RunResult(status=RunStatus.SUCCEEDED))


@pytest.fixture
def start_engine(tmp_path: Path) -> Callable[[str, Spec], Started]:
    """Runs an engine to its end, as the platform starts it: a process, a config file, an exit code."""

    def start(name: str, spec: Spec) -> Started:
        run_dir = tmp_path / name
        run_dir.mkdir()
        config = RunConfig(
            job_id="job-1", kind=name, fence=1, attempt=1, run_dir=run_dir, spec=spec.model_dump(mode="json")
        )
        path = tmp_path / f"{name}.json"
        path.write_text(config.model_dump_json(), encoding="utf-8")
        # The environment has only what a process needs: no Django settings, no database.
        done = subprocess.run(
            [sys.executable, "-m", f"workers.engines.{name}", str(path)],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin"},
            timeout=60,
        )
        return done.returncode, json.loads((run_dir / "result.json").read_text(encoding="utf-8")), run_dir

    return start


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    # Not splitlines(): U+2028 may stand inside a JSON string.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
