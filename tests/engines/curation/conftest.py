"""Documents on the disk as the ingest engine leaves them, and a curation of them in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import read_jsonl
from tests.engines.curation.documents import MakeSource
from workers.contract.artifacts import write_manifest
from workers.contract.records import Page
from workers.contract.specs.curation import CurationResult, CurationSource, CurationSpec
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import Run

Curated = tuple[CurationResult, list[dict[str, Any]], list[dict[str, Any]]]
"""The result, the records and the dropped units."""


def write_source(folder: Path, name: str, pages: list[Page]) -> CurationSource:
    """Write a document's pages into `folder` and return what a dataset names it by."""
    path = folder / name / "pages.jsonl"
    path.parent.mkdir()
    path.write_text("".join(page.model_dump_json() + "\n" for page in pages), encoding="utf-8")
    write_manifest(path.parent, "pages")
    return CurationSource(
        document_id=f"file-{name}",
        revision_id=f"rev-{name}",
        document_name=name,
        pages_path=path,
        media_type="text/plain",
    )


@pytest.fixture
def source(tmp_path: Path) -> MakeSource:
    return lambda name, pages: write_source(tmp_path, name, pages)


@pytest.fixture
def curated(run: Run) -> Callable[..., Curated]:
    def curate_sources(*sources: CurationSource, **settings: Any) -> Curated:
        result = curate(run, CurationSpec(sources=sources, **settings))
        return (
            result,
            read_jsonl(run.output_dir / "records.jsonl"),
            read_jsonl(run.output_dir / "dropped.jsonl"),
        )

    return curate_sources
