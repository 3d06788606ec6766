"""Write the labelled set anew: `python -m tests.engines.shared.personal_data_set.make`.

A template's hash decides whether its cases are for working on the finder (`tune`) or for measuring it (`check`).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from tests.engines.shared.personal_data_set import templates
from tests.engines.shared.personal_data_set.parts import LABELLED, PLAIN
from workers.engines.shared.text import normalize

SEED = 20240401
CASES = 24
LOOKALIKE_CASES = 10
_FIELD = re.compile(r"\{\{|\}\}|\{(\w+)\}")
_MARKED = re.compile("⟦([a-z_]+)¦([^⟧]*)⟧")


def filled(template: str, rng: random.Random) -> str:
    """The template with a value in each field; a labelled value stands in brackets after its kind."""

    def value(field: re.Match[str]) -> str:
        name = field[1]
        if name is None:
            return field[0][0]
        if name in PLAIN:
            return PLAIN[name](rng)
        kind, pick = LABELLED[name]
        return f"⟦{kind}¦{pick(rng)}⟧"

    return _FIELD.sub(value, template)


def labelled(marked: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The text as the finder gets it, and where its labelled values stand."""
    parts, spans, position, length = [], [], 0, 0
    text = normalize(marked)
    for match in _MARKED.finditer(text):
        parts += [text[position : match.start()], match[2]]
        begin = length + match.start() - position
        length = begin + len(match[2])
        spans.append((match[1], begin, length))
        position = match.end()
    return "".join([*parts, text[position:]]), spans


def case(template: str, is_table: bool, rng: random.Random) -> dict:
    if not is_table:
        text, spans = labelled(filled(template, rng))
        return {"text": text, "spans": spans}
    rows = [[labelled(filled(cell, rng)) for cell in row.split("|")] for row in template.split(" / ")]
    places = [
        (kind, start, end, row, column)
        for row, cells in enumerate(rows)
        for column, (_, spans) in enumerate(cells)
        for kind, start, end in spans
    ]
    return {"rows": [[text for text, _ in cells] for cells in rows], "spans": places}


def cases() -> Iterator[tuple[str, dict]]:
    """Each case with the part of the set that it belongs to."""
    for group, is_table, number in (
        (templates.TEXTS, False, CASES),
        (templates.TABLES, True, CASES),
        (templates.LOOKALIKES, False, LOOKALIKE_CASES),
        (templates.LOOKALIKE_TABLES, True, LOOKALIKE_CASES),
    ):
        for template in filter(None, group.split("\n")):
            digest = hashlib.sha256(template.encode()).digest()
            rng = random.Random(f"{SEED} {template}")
            seen = set()
            for _ in range(number):
                made = case(template, is_table, rng)
                line = json.dumps(made, ensure_ascii=False)
                if line not in seen:
                    seen.add(line)
                    yield ("tune", "check")[digest[0] % 2], made


def main() -> None:
    folder = Path(__file__).parent
    lines: dict[str, list[str]] = {"tune": [], "check": []}
    for part, made in cases():
        lines[part].append(json.dumps(made, ensure_ascii=False))
    for part, written in lines.items():
        (folder / f"{part}.jsonl").write_text("\n".join(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
