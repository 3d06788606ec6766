"""Recall and precision of the finder of personal data on the labelled set, by kind, with Wilson intervals of 95 %.

`python -m tests.engines.shared.measure_personal_data [-v]`; `-v` shows what was missed or wrongly found in `tune`.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path

from workers.contract.records import Table
from workers.engines.shared.personal_data import find, find_in_table

FOLDER = Path(__file__).parent / "personal_data_set"

Span = tuple[str, int, int, int, int]
"""Kind, start, end, and the row and the column of its cell (0, 0 in a text)."""


def wilson(right: int, of: int) -> tuple[float, float]:
    if not of:
        return 0.0, 1.0
    z, share = 1.96, right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return middle - half, middle + half


def found_in(case: dict) -> list[Span]:
    if "text" in case:
        return [(span.kind, span.start, span.end, 0, 0) for span in find(case["text"])]
    rows = tuple(map(tuple, case["rows"]))
    cells = find_in_table(Table(cells="A1:Z99", rows=rows))
    return [(s.kind, s.start, s.end, row, column) for (row, column), spans in cells.items() for s in spans]


def _text(case: dict, span: Span) -> str:
    text = case["text"] if "text" in case else case["rows"][span[3]][span[4]]
    return text[span[1] : span[2]]


def _characters(case: dict, spans: list[Span], kind: str) -> set[tuple[int, int, int]]:
    """Every character but blanks that belongs to a span of the kind."""
    return {
        (span[3], span[4], span[1] + index)
        for span in spans
        if span[0] == kind
        for index, letter in enumerate(_text(case, span))
        if not letter.isspace()
    }


def measure(part: str, is_verbose: bool = False) -> dict[str, tuple[int, int, int, int]]:
    """By kind: labelled values found as a whole, labelled values, finds without another character, finds."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in (FOLDER / f"{part}.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        wanted: list[Span] = [(*span, 0, 0)[:5] for span in case["spans"]]
        found = found_in(case)
        for name, spans, others in (("recall", wanted, found), ("precision", found, wanted)):
            for span in spans:
                is_right = _characters(case, [span], span[0]) <= _characters(case, others, span[0])
                counts[span[0], f"{name} of"] += 1
                counts[span[0], name] += is_right
                if is_verbose and not is_right:
                    print(name, span[0], repr(_text(case, span)), case.get("text") or case["rows"], sep="\t")
    fields = ("recall", "recall of", "precision", "precision of")
    return {
        kind: tuple(counts[kind, field] for field in fields) for kind in sorted({kind for kind, _ in counts})
    }


def main() -> None:
    for part in ("tune", "check"):
        print(f"{part:20}{'recall':>30}{'precision':>30}")
        for kind, (found, wanted, right, finds) in measure(part, part == "tune" and "-v" in sys.argv).items():
            cells = [
                f"{of and a / of:8.3f} [{wilson(a, of)[0]:.3f}, {wilson(a, of)[1]:.3f}] {a}/{of}"
                for a, of in ((found, wanted), (right, finds))
            ]
            print(f"{kind:20}{cells[0]:>34}{cells[1]:>34}")


if __name__ == "__main__":
    main()
