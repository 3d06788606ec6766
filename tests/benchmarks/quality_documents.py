"""The texts of the quality set as documents on the disk, as ingest leaves them, and their curation."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workers.contract.artifacts import write_manifest
from workers.contract.cells import cell_range
from workers.contract.records import DROPPED_FILE, RECORDS_FILE, Page, Table
from workers.contract.specs.curation import DEFAULT_RECIPE, CurationSource, CurationSpec, Recipe
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.engines.curation.engine import curate
from workers.engines.ingest.parsers.text_blocks import LineKinds, text_blocks
from workers.engines.shared.runtime import Run
from workers.engines.shared.text import normalize, normalize_layout, row_text

FOLDER = Path(__file__).parents[1] / "engines" / "curation" / "quality_set"
Cases = list[dict[str, Any]]


def read_cases(name: str) -> Cases:
    """`tune`, `check` or `pairs`; of `check` and of the pairs of that half nothing may be printed but counts."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def page_of(text: str, kind: str) -> Page:
    """One page as ingest writes it: of a sheet its rows, of everything else its text with blocks."""
    if kind == "sheet":
        rows = [[normalize(cell) for cell in _cells(line)] for line in text.splitlines() if line.strip()]
        width = max(map(len, rows), default=1)
        filled = tuple(tuple(row + [""] * (width - len(row))) for row in rows)
        if filled:
            table = Table(cells=cell_range(0, 0, len(filled), width), rows=filled)
            shown = "\n".join(filter(None, map(row_text, filled)))
            return Page(kind="sheet", number=1, label="Sheet1", text=shown, tables=(table,))
    shown = normalize_layout(text)
    return Page(kind=kind, number=1, text=shown, blocks=tuple(text_blocks(shown, LineKinds())))


def _cells(line: str) -> list[str]:
    for separator in ("\t", " | "):
        if separator in line:
            return line.split(separator)
    return [line]


def curated(
    texts: Mapping[str, tuple[str, str]], recipe: Recipe = DEFAULT_RECIPE
) -> tuple[Cases, Cases, dict[str, Any]]:
    """Records, dropped records and report of one dataset with a document for each text and kind of page, by id."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = tuple(_source(folder, id, page_of(*text)) for id, text in texts.items())
        spec = CurationSpec(sources=sources, recipe=recipe)
        run_folder = folder / "run"
        run = Run(
            RunConfig(job_id="quality", kind="curation", fence=1, attempt=1, run_dir=run_folder, spec={})
        )
        curate(run, spec)
        run.finish(RunResult(status=RunStatus.SUCCEEDED))
        records, dropped = (list(_lines(run.output_dir / name)) for name in (RECORDS_FILE, DROPPED_FILE))
        return records, dropped, json.loads((run.output_dir / "report.json").read_text(encoding="utf-8"))


def _source(folder: Path, id: str, page: Page) -> CurationSource:
    path = folder / id / "pages.jsonl"
    path.parent.mkdir()
    path.write_text(page.model_dump_json() + "\n", encoding="utf-8")
    write_manifest(path.parent, "pages")
    return CurationSource(
        document_id=id, revision_id=id, document_name=id, pages_path=path, media_type="text/plain"
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def documents_of(entries: Iterable[dict[str, Any]]) -> set[str]:
    return {entry["origin"]["source"]["document_id"] for entry in entries}
