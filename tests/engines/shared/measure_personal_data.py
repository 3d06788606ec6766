"""Recall and precision of the finder of personal data, by kind, with Wilson intervals of 95 %.

`python -m tests.engines.shared.measure_personal_data [-v] [check] [FOLDER]` measures the labelled set and the blind set,
which was written without knowledge of the rules (its README says how), or the set of that form in FOLDER. `tune` is
measured, `check` only when asked for; `-v` shows what was missed or wrongly found in `tune`.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.engines.shared.assemble_personal_data import COLUMNS
from workers.contract.records import Table
from workers.engines.shared.personal_data import find, find_in_table
from workers.engines.shared.text import normalize_layout

FOLDER = Path(__file__).parent / "personal_data_set"
BLIND_FOLDER = Path(__file__).parent / "personal_data_blind"
Counts = Mapping[str, tuple[int, int, int, int]]
"""By kind: spans found, spans, right finds, finds."""

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


def measure(part: str, is_verbose: bool = False) -> Counts:
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
    return _by_row(counts)


# -- the blind set --------------------------------------------------------------------------
_FREE_NUMBER = re.compile("(?:0120|0570|0800|0990)")


def measure_blind(part: str, is_verbose: bool = False, folder: Path = BLIND_FOLDER) -> Counts:
    """A span is found if every character of it but blanks belongs to finds of its kind; a find that touches no span of
    its kind is wrong. Texts are normalised as ingest does it. Some rows show a part of a kind."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in (folder / f"{part}.jsonl").read_text(encoding="utf-8").splitlines():
        case = normalized(json.loads(line))
        wanted: list[Span] = [(span["kind"], span["start"], span["end"], 0, 0) for span in case["spans"]]
        found = found_in(case)
        for name, spans, others in (("recall", wanted, found), ("precision", found, wanted)):
            for span in spans:
                own, of_kind = (_characters(case, some, span[0]) for some in ([span], others))
                is_right = own <= of_kind if name == "recall" else bool(own & of_kind)
                for row in _rows_of(case, span):
                    counts[row, f"{name} of"] += 1
                    counts[row, name] += is_right
                if is_verbose and not is_right:
                    print(name, span[0], repr(_text(case, span)), repr(case["text"]), sep="\t")
    return _by_row(counts)


def normalized(case: dict) -> dict:
    """The text as ingest writes it, and the spans in it."""
    text = case["text"]
    spans = []
    for span in case["spans"]:
        # A letter in place of what follows keeps the blanks before it.
        start = len(normalize_layout(text[: span["start"]] + "x")) - 1
        end = len(normalize_layout(text[: span["end"]]))
        spans.append({**span, "start": start, "end": end})
    return {**case, "text": normalize_layout(text), "spans": spans}


def _rows_of(case: dict, span: Span) -> Iterator[str]:
    yield span[0]
    if span[0] == "name" and case["kind_of_text"] == "prose":
        yield "name in prose"
    if span[0] == "name" and case["kind_of_text"] in COLUMNS:
        yield "name in columns"
    # By decision free numbers are nobody's; the set's writer marked them.
    if span[0] == "phone" and not _FREE_NUMBER.match(_text(case, span)):
        yield "phone, not free"


def _by_row(counts: Counter[tuple[str, str]]) -> Counts:
    fields = ("recall", "recall of", "precision", "precision of")
    rows = sorted({row for row, _ in counts})
    return {row: (a, b, c, d) for row in rows for a, b, c, d in [[counts[row, field] for field in fields]]}


def show(title: str, counts: Counts) -> None:
    print(f"{title:20}{'recall':>34}{'precision':>34}")
    for row, (found, wanted, right, finds) in counts.items():
        cells = [
            f"{of and a / of:8.3f} [{wilson(a, of)[0]:.3f}, {wilson(a, of)[1]:.3f}] {a}/{of}"
            for a, of in ((found, wanted), (right, finds))
        ]
        print(f"{row:20}{cells[0]:>34}{cells[1]:>34}")


def main() -> None:
    part = "check" if "check" in sys.argv else "tune"
    is_verbose = "-v" in sys.argv and part == "tune"
    folders = [Path(argument) for argument in sys.argv[1:] if argument not in ("-v", "tune", "check")]
    if not folders:
        show(f"labelled {part}", measure(part, is_verbose))
    for folder in folders or [BLIND_FOLDER]:
        title = f"{folder.name.removeprefix('personal_data_')} {part}"
        show(title, measure_blind(part, is_verbose, folder))


if __name__ == "__main__":
    main()
