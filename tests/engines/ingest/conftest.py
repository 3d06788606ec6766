"""Specs of files that a test writes, and parsing in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workers.contract.records import Page
from workers.contract.specs.ingest import IngestBatchSpec, IngestFile, IngestLimits, IngestSpec
from workers.engines.ingest.reading import Output, read


@pytest.fixture
def spec_for(tmp_path: Path) -> Callable[..., IngestSpec]:
    def make(name: str, content: bytes | None = None, **limits: Any) -> IngestSpec:
        path = tmp_path / "blob"
        if content is not None:
            path.write_bytes(content)
        return IngestSpec(document_id="file-1", revision_id="rev-1", name=name, path=path, **limits)

    return make


@pytest.fixture
def parse() -> Callable[[IngestSpec], list[Page]]:
    """Read in this process: the same code that runs in a sandbox, without one."""

    def parsed(spec: IngestSpec) -> list[Page]:
        pages: list[Page] = []
        with open(spec.path, "rb") as file:
            read(file, spec, Output(lambda done, total: None, pages.append, lambda record: None))
        return pages

    return parsed


def batch_of(*specs: IngestSpec, **facts: Any) -> IngestBatchSpec:
    """The batch of these files, under the limits of the first."""
    files = [{name: getattr(spec, name) for name in IngestFile.model_fields} for spec in specs]
    limits = {name: getattr(specs[0], name) for name in IngestLimits.model_fields}
    return IngestBatchSpec(files=files, **{**limits, **facts})
