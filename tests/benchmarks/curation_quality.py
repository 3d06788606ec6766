"""What the default recipe keeps of good texts and drops of noise, compared with HojiChar's defaults.

Run: `python -m tests.benchmarks.curation_quality [tune|check] [-v]`

Both sides get the texts of the labelled set (tests/engines/curation/quality_set). A good text counts as kept if nothing of
it was dropped; noise counts as dropped if nothing of it was kept. With Wilson intervals of 95 %. `-v` shows what was wrong in
`tune`. Exits with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable

from tests.benchmarks.alternatives import run_side
from tests.benchmarks.quality_documents import Cases, curated, documents_of, read_cases
from tests.engines.shared.measure_personal_data import wilson

GOOD_GOAL, NOISE_GOAL = 0.98, 0.9
TABULAR = frozenset(
    [
        "address_list",
        "form_header",
        "formula_list",
        "markdown_table",
        "part_numbers",
        "pipe_table",
        "price_list",
        "spec_table",
    ]
)
"""Kinds of the set that are tables, lists or templates."""
Counts = Counter[tuple[str, bool]]


def rows_of(case: dict) -> list[str]:
    rows = [case["label"], f"{case['label']}: {case['kind']}"]
    return [*rows, "good: tables, lists, templates"] if case["kind"] in TABULAR else rows


def counted(cases: Cases, is_right: Callable[[dict], bool]) -> Counts:
    return Counter((row, is_right(case)) for case in cases for row in rows_of(case))


def ours(cases: Cases) -> Callable[[dict], bool]:
    records, dropped, _report = curated({case["id"]: (case["text"], case["page_kind"]) for case in cases})
    kept, touched = documents_of(records), documents_of(dropped)

    def is_right(case: dict) -> bool:
        if case["label"] == "good":
            return case["id"] in kept and case["id"] not in touched
        return case["id"] not in kept

    return is_right


def theirs(cases: Cases) -> Callable[[dict], bool]:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for case in cases:
            file.write(json.dumps({"text": case["text"]}) + "\n")
        file.flush()
        kept = {
            cases[number]["id"]
            for number in run_side("hojichar", "hojichar_side.py", "clean", file.name)["kept"]
        }
    return lambda case: (case["id"] in kept) == (case["label"] == "good")


def pairs_right(pairs: Cases) -> Counts:
    """Different pairs are right if both stay as they are; of the same ones one may be dropped."""
    counts: Counts = Counter()
    for pair in pairs:
        records, dropped, _report = curated({side: (pair[side], "page") for side in "ab"})
        both = documents_of(records) == {"a", "b"} and not dropped
        counts[f"pairs: {pair['label']}", both == (pair["label"] == "different")] += 1
    return counts


def share(counts: Counts, row: str) -> tuple[int, int]:
    return counts[row, True], counts[row, True] + counts[row, False]


def shown(right: int, of: int) -> str:
    low, high = wilson(right, of)
    return f"{right / of:.3f} [{low:.3f}, {high:.3f}] {right}/{of}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", choices=("tune", "check"), default="check")
    parser.add_argument("-v", dest="is_verbose", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.part)
    is_right = ours(cases)
    counts, other = counted(cases, is_right), counted(cases, theirs(cases))
    pairs = pairs_right([pair for pair in read_cases("pairs") if pair["half"] == options.part])
    print(f"`{options.part}`, share that is right\n\n| texts | Kosha | HojiChar |\n|---|---:|---:|")
    for row in sorted({row for row, _ in counts}):
        print(f"| {row} | {shown(*share(counts, row))} | {shown(*share(other, row))} |")
    for row in sorted({row for row, _ in pairs}):
        print(f"| {row} | {shown(*share(pairs, row))} | |")
    if options.is_verbose and options.part == "tune":
        for case in cases:
            if not is_right(case):
                print(case["id"], case["label"], case["kind"], repr(case["text"][:100]))
    good, noise, different = share(counts, "good"), share(counts, "noise"), share(pairs, "pairs: different")
    is_reached = (
        good[0] >= GOOD_GOAL * good[1] and noise[0] >= NOISE_GOAL * noise[1] and different[0] == different[1]
    )
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
