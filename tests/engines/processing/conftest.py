"""Runs and specs for the processing engines, and small documents made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.engines.ingest import parse_child
from workers.engines.shared.runtime import Run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    config = RunConfig(job_id="job-1", kind="test", fence=1, attempt=1, run_dir=tmp_path / "run", spec={})
    run = Run(config)
    yield run
    run.finish(RunResult(status=RunStatus.SUCCEEDED))


@pytest.fixture
def spec_for(tmp_path: Path) -> Callable[..., IngestSpec]:
    def make(name: str, content: bytes | None = None, **limits: Any) -> IngestSpec:
        path = tmp_path / "blob"
        if content is not None:
            path.write_bytes(content)
        return IngestSpec(document_id="file-1", revision_id="rev-1", name=name, path=path, **limits)

    return make


@pytest.fixture
def parse(tmp_path: Path) -> Callable[[IngestSpec], list[Page]]:
    """Parse in this process: the same code the child runs, without the cost of starting it."""

    def parsed(spec: IngestSpec) -> list[Page]:
        output = tmp_path / "parsed"
        output.mkdir(exist_ok=True)
        parse_child.parse(spec, output)
        return [Page.model_validate(line) for line in read_jsonl(output / "pages.jsonl")]

    return parsed


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    # Not splitlines(): U+2028 may stand inside a JSON string.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
