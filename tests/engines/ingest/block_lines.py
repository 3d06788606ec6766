"""Pages and their blocks as lines that a test can state."""

from __future__ import annotations

from collections.abc import Sequence

from workers.contract.records import Page


def block_lines(pages: Sequence[Page]) -> list[str]:
    """`第1章 > heading2 第1節` for each block: the headings above it, its kind, its level and its text."""
    lines = []
    for page in pages:
        for block, text, above in page.placed_blocks():
            path = "".join(f"{heading.text} > " for heading in above)
            table = "" if block.table is None else f"[{block.table}]"
            lines.append(f"{path}{block.kind}{block.level or ''}{table} {text}")
    return lines


def outside(page: Page) -> str:
    """What of the page's text is in no block, without blanks."""
    ends = [0, *(block.end for block in page.blocks)]
    starts = [*(block.start for block in page.blocks), len(page.text)]
    between = "".join(page.text[end:start] for end, start in zip(ends, starts, strict=True))
    return "".join(between.split())
