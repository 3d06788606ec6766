"""Specs of files that a test writes, and parsing in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import read_jsonl
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest import parse_child


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
        parse_child.parse(spec, output, lambda done, total: None)
        return [Page.model_validate(line) for line in read_jsonl(output / "pages.jsonl")]

    return parsed
