"""Rewrites the golden files after records have gained fields: `python -m tests.engines.curation.rewrite_golden`.

A change to their text, order, ids, split, drops or reasons changes customers' datasets. The script compares
these between the old files and the new output, and writes nothing where they differ.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.engines.conftest import read_jsonl
from tests.engines.curation.conftest import write_source
from tests.engines.curation.documents import golden_sources
from workers.contract.specs.curation import CurationSpec
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.engines.curation.engine import curate
from workers.engines.shared.runtime import Run

GOLDEN = Path(__file__).parent / "golden"
UNCHANGED = {
    "records.jsonl": ("type", "id", "text", "question", "answer", "accepted", "context", "messages", "split"),
    "dropped.jsonl": ("step", "reason", "detail", "text"),
}
"""The fields of each file that must stay as they are."""


def difference(old: list[dict[str, Any]], new: list[dict[str, Any]], fields: tuple[str, ...]) -> str | None:
    """The first field that differs, or None: lines may only gain, lose or change other fields."""
    if len(old) != len(new):
        return f"{len(old)} lines became {len(new)}"
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        for field in fields:
            if before.get(field) != after.get(field):
                return f"line {number}: {field} was {before.get(field)!r} and is {after.get(field)!r}"
    return None


def curate_golden_sources(folder: Path) -> Path:
    """The output folder of a curation of the golden sources."""
    run = Run(RunConfig(job_id="job-1", kind="test", fence=1, attempt=1, run_dir=folder / "run", spec={}))
    sources = golden_sources(lambda name, pages: write_source(folder, name, pages))
    curate(run, CurationSpec(sources=sources))
    run.finish(RunResult(status=RunStatus.SUCCEEDED))
    return run.output_dir


def rewrite(made: Path, golden: Path) -> None:
    """Replace the files in `golden` by those in `made`. Exits with a message where a field may not change."""
    for name, fields in UNCHANGED.items():
        found = difference(read_jsonl(golden / name), read_jsonl(made / name), fields)
        if found is not None:
            sys.exit(f"{name} is not rewritten, nor is any other file: {found}")
    for name in UNCHANGED:
        before = read_jsonl(golden / name)
        content = (made / name).read_text(encoding="utf-8")
        (golden / name).write_text(content, encoding="utf-8")
        keys = [
            sorted({key for line in lines for key in line}) for lines in (before, read_jsonl(made / name))
        ]
        print(f"{name}: {len(before)} lines; fields {json.dumps(keys[0])} -> {json.dumps(keys[1])}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        rewrite(curate_golden_sources(Path(temporary)), GOLDEN)
