"""Small made-up documents: pages of text, sheets with tables, sentences that differ from each other."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from workers.contract.cells import cell_range
from workers.contract.records import Page, Table
from workers.contract.specs.curation import CurationSource
from workers.engines.shared.text import row_text

MakeSource = Callable[[str, list[Page]], CurationSource]


def pages(*texts: str, kind: str = "page") -> list[Page]:
    return [Page(kind=kind, number=number, text=text) for number, text in enumerate(texts, 1)]


def sheet(*tables: list[list[str]], label: str = "表") -> list[Page]:
    """One sheet; each table below the one before, with an empty row between."""
    made, row = [], 0
    for rows in tables:
        made.append(Table(cells=cell_range(row, 0, len(rows), len(rows[0])), rows=rows))
        row += len(rows) + 1
    text = "\n\n".join("\n".join(row_text(row) for row in table.rows) for table in made)
    return [Page(kind="sheet", number=1, label=label, text=text, tables=tuple(made))]


def sentence(seed: int) -> str:
    """A sentence that differs from every other one."""
    characters = random.Random(seed).sample(
        "山川海空森林花鳥風月雪星雲雨道橋門窓机椅本紙筆墨硯箱鍵鐘鈴旗", 24
    )
    return "".join(characters) + "。"


def articles(count: int) -> str:
    """A regulation of that many articles."""
    return "\n".join(
        f"第{number}条 {sentence(number)}{sentence(number + 5000)}" for number in range(1, count + 1)
    )


def texts_of(records: list[dict[str, Any]]) -> list[str]:
    return [record["text"] for record in records if record["type"] == "text"]


def golden_sources(source: MakeSource) -> tuple[CurationSource, ...]:
    """The documents that the golden files are made from."""
    rule = f"第1条 {sentence(1)}\n第2条 日当は三千円とし、質問は総務 taro@example.com へ。"
    faq = [["質問", "回答", "短答"], ["日当はいくらですか", "三千円です。", "三千円"]]
    return source("rule", pages(rule)), source("copy", pages(rule)), source("faq", sheet(faq))
