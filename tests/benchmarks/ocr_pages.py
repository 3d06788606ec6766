"""Errors and seconds of recognition, RapidOCR beside Tesseract where that is installed.

Run: `python -m tests.benchmarks.ocr_pages`

The pages are drawn: a regulation, horizontal and vertical, at 150 and 300 dpi, and worn as an old copy is. Errors are
characters to change, add or remove, by those that are there. Seconds are of the processor, of one thread.
"""

from __future__ import annotations

import resource
import statistics
import time
from multiprocessing import get_context
from typing import get_args

import numpy as np
from PIL import Image

from tests.benchmarks.machine import machine
from tests.engines.ingest import drawn
from workers.contract.specs.ingest import OcrEngine
from workers.engines.ingest.ocr import engines, pages
from workers.engines.ingest.parsers.picture import Picture

TEXT = (
    *drawn.TEXT,
    "お問い合わせ先：総務部人事課、電話03-1234-5678。受付は平日の午前9時から午後5時30分までとする。",
    "ポンプの型式はＡＤＰ－１５、最大吐出量は毎分15リットル、吐出圧力は1.0メガパスカルである。",
    "会社及び従業員は、ともにこの規則を守り、相協力して業務の運営に当たらなければならない。",
)


def _worn(page: Image.Image) -> Image.Image:
    noise = np.random.default_rng(1).normal(0, 14, (page.height, page.width))
    faded = np.asarray(drawn.worn(page.rotate(0.5, fillcolor=255, resample=Image.Resampling.BICUBIC), 0.7))
    return Image.fromarray((faded + noise).clip(0, 255).astype(np.uint8))


PAGES = {
    "horizontal, 150 dpi": lambda: drawn.horizontal(TEXT),
    "horizontal, 300 dpi": lambda: drawn.horizontal(TEXT, dpi=300),
    "horizontal, worn": lambda: _worn(drawn.horizontal(TEXT)),
    "vertical, 150 dpi": lambda: drawn.vertical(TEXT),
    "vertical, 300 dpi": lambda: drawn.vertical(TEXT, dpi=300),
    "vertical, worn": lambda: _worn(drawn.vertical(TEXT)),
}


def measured(name: OcrEngine) -> tuple[list[tuple[float, float]], float]:
    """Errors and seconds of each page, and the most memory in MiB."""
    engine = engines.load(name)
    results = []
    for draw in PAGES.values():
        page = draw()
        picture = Picture(np.asarray(page), max(page.size) / 842)
        begun = time.process_time()
        text = pages.recognized(engine, picture, 1).text
        results.append((drawn.error_rate(text, TEXT), time.process_time() - begun))
    return results, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    names = [name for name in get_args(OcrEngine) if engines.installed(name)]
    # Each in a process of its own, so that its memory is its own.
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = {name: pool.apply(measured, (name,)) for name in names}
    print("| | " + " | ".join(f"{name}: errors | s" for name in names) + " |")
    print("|---|" + "---:|---:|" * len(names))
    for index, page in enumerate(PAGES):
        cells = (f"{found[name][0][index][0]:.2%} | {found[name][0][index][1]:.1f}" for name in names)
        print(f"| {page} | " + " | ".join(cells) + " |")
    means = (statistics.mean(seconds for _, seconds in found[name][0]) for name in names)
    print(
        "| **mean seconds, memory** | "
        + " | ".join(
            f"{found[name][1]:,.0f} MiB | {mean:.1f}" for name, mean in zip(names, means, strict=True)
        )
        + " |"
    )
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
