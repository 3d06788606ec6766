"""How many records a second curation cleans and deduplicates, in how much memory, compared with HojiChar and datasketch.

Run: `python -m tests.benchmarks.curation_speed [--records 1000000] [--other 20000] [--recipe 20000]`

Deduplication: the two steps of the default recipe over made records, each number of records in a process of its own; the
slope of memory between 20,000 and 200,000 records says what a record costs. The whole default recipe: pages on the disk to
a sealed dataset version, without tagging of names, and beside it with. Times are processor seconds of one process, of the recipe those of the faster of two runs. The
others get the same texts. Exits with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from tests.benchmarks.alternatives import run_side
from tests.benchmarks.machine import machine
from tests.benchmarks.made_records import texts
from workers.contract.artifacts import write_manifest
from workers.contract.personal_data import PersonalDataKind
from workers.contract.records import DocumentOrigin, Page, Source
from workers.contract.specs.curation import DEFAULT_RECIPE, CurationSource, CurationSpec, Recipe
from workers.contract.specs.curation_steps import ExactDuplicateStep, NearDuplicateStep, PersonalDataStep
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.engines.curation.engine import curate
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps.registry import implementations
from workers.engines.curation.units import Unit
from workers.engines.shared.runtime import Run

DEDUPLICATION_GOAL, RECIPE_GOAL = 10_000, 2_000
SLOPE = (20_000, 200_000)
PAGES_PER_DOCUMENT = 1_000
NAMED = ("name", "birth_date", "my_number")
"""Names, and what is known by a name beside it."""
WITHOUT_NAMES = Recipe(
    steps=tuple(
        PersonalDataStep(kinds=tuple(kind for kind in get_args(PersonalDataKind) if kind not in NAMED))
        if isinstance(step, PersonalDataStep)
        else step
        for step in DEFAULT_RECIPE.steps
    )
)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# -- each measurement, in a process of its own ------------------------------------------------
def deduplicate(count: int) -> dict[str, Any]:
    source = Source(document_id="d", revision_id="r", document_name="d", kind="section", number=1)
    origin = DocumentOrigin(source=source)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as dropped:
        started = time.process_time()
        made = sum(1 for _ in texts(count))
        making = time.process_time() - started
        assert made == count
        before = peak_bytes()
        started = time.process_time()
        units: Iterator[Unit] = (Unit(origin, text) for text in texts(count))
        for step in (ExactDuplicateStep(), NearDuplicateStep()):
            log = StepLog(step.type, step.reasons, dropped)
            context = StepContext(log, lambda: None)
            units = log.count_out(implementations()[type(step)](step, log.count_in(units), context))
        kept = sum(1 for _ in units)
        seconds = time.process_time() - started - making
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "used_bytes": peak_bytes() - before, "kept": kept}


def clean(count: int, recipe: Recipe) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = tuple(_documents(folder, count))
        spec = CurationSpec(sources=sources, recipe=recipe)
        config = RunConfig(
            job_id="speed", kind="curation", fence=1, attempt=1, run_dir=folder / "run", spec={}
        )
        run = Run(config)
        started = time.process_time()
        result = curate(run, spec)
        seconds = time.process_time() - started
        assert set(result.dropped_by_reason) <= {"exact_duplicate", "near_duplicate"}
        run.finish(RunResult(status=RunStatus.SUCCEEDED))
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "kept": result.records}


def _documents(folder: Path, count: int) -> Iterator[CurationSource]:
    made = texts(count)
    for start in range(0, count, PAGES_PER_DOCUMENT):
        path = folder / f"d{start}" / "pages.jsonl"
        path.parent.mkdir()
        with open(path, "w", encoding="utf-8") as file:
            for number in range(1, min(PAGES_PER_DOCUMENT, count - start) + 1):
                file.write(Page(kind="section", number=number, text=next(made)).model_dump_json() + "\n")
        write_manifest(path.parent, "pages")
        yield CurationSource(
            document_id=f"d{start}",
            revision_id=f"r{start}",
            document_name=f"d{start}",
            pages_path=path,
            media_type="text/plain",
        )


MEASUREMENTS = {
    "deduplicate": deduplicate,
    "clean": lambda count: clean(count, WITHOUT_NAMES),
    "clean with names": lambda count: clean(count, DEFAULT_RECIPE),
}


def measured(name: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.curation_speed", "--measure", name, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


# -- the report -------------------------------------------------------------------------------
def row(side: str, count: int, figures: dict[str, Any], beside: float | None = None) -> float:
    """Prints a line of the table. Returns the records a second."""
    rate = count / figures["seconds"]
    ratio = f"{beside / rate:.1f}×" if beside else ""
    print(
        f"| {side} | {count:,} | {rate:,.0f} | {figures['peak_bytes'] / 2**20:,.0f} MiB | {ratio} |",
        flush=True,
    )
    return rate


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--other", type=int, default=20_000)
    parser.add_argument("--recipe", type=int, default=20_000)
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "RECORDS"))
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(MEASUREMENTS[options.measure[0]](int(options.measure[1]))))
        return 0
    print(f"{machine()}\n")
    print(
        "| deduplication | records | records/s | most memory | Kosha is faster by |\n|---|---:|---:|---:|---:|"
    )
    runs = {count: measured("deduplicate", count) for count in dict.fromkeys((*SLOPE, options.records))}
    rates = {count: row("Kosha", count, figures) for count, figures in runs.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts(options.other))
        file.flush()
        for side in ("deduplicate", "datasketch"):
            shown = "HojiChar (GenerateDedupLSH)" if side == "deduplicate" else "datasketch (MinHashLSH)"
            figures = run_side("hojichar", "hojichar_side.py", side, file.name)
            row(shown, options.other, figures, rates[SLOPE[0]])
        few, many = (runs[count]["peak_bytes"] for count in SLOPE)
        print(f"\nMemory for each record more: {(many - few) / (SLOPE[1] - SLOPE[0]):,.0f} bytes\n")
        print(
            "| whole recipe | records | records/s | most memory | Kosha is faster by |\n|---|---:|---:|---:|---:|"
        )
        runs_of_recipe = [measured("clean", options.recipe) for _ in range(2)]
        fastest = min(runs_of_recipe, key=lambda figures: figures["seconds"])
        rate = row("Kosha, without names", options.recipe, fastest)
        row("Kosha, with names", options.recipe, measured("clean with names", options.recipe))
        row(
            "HojiChar's filters",
            options.other,
            run_side("hojichar", "hojichar_side.py", "clean", file.name),
            rate,
        )
    return 0 if min(rates.values()) >= DEDUPLICATION_GOAL and rate >= RECIPE_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
