"""Scans and images become text: real recognition of pages that are drawn here."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engines.ingest import drawn
from workers.contract.records import Page, RecognizedText
from workers.contract.specs.ingest import OcrEngine
from workers.engines.ingest import isolation
from workers.engines.ingest.engine import read_file
from workers.engines.ingest.ocr import engines, pages
from workers.engines.ingest.ocr.tesseract import TesseractEngine
from workers.engines.ingest.parsers.picture import Picture
from workers.engines.ingest.sandbox.task import View
from workers.engines.shared.runtime import RunStopped, UserError

pytestmark = pytest.mark.slow

MOST_ERRORS = 0.05


@pytest.fixture(scope="module", params=["rapidocr", "tesseract"])
def engine(request):
    if not engines.installed(request.param):
        assert request.param == "tesseract", "rapidocr is among the requirements"
        pytest.skip("tesseract-ocr with Japanese is not installed")
    return engines.load(request.param)


@pytest.fixture
def pages_of(run):
    def read() -> list[Page]:
        lines = (run.output_dir / "rev-1" / "pages.jsonl").read_text().splitlines()
        return [Page.model_validate_json(line) for line in lines]

    return read


LEFT, RIGHT = drawn.TEXT[:2], drawn.TEXT[2:]


def horizontal(text: Sequence[str] = drawn.TEXT) -> Image.Image:
    return drawn.written(drawn.horizontal(text))


def vertical() -> Image.Image:
    return drawn.written(drawn.vertical())


DRAWN = {
    "horizontal": lambda: drawn.horizontal(),
    "at 300 dpi": lambda: drawn.horizontal(dpi=300),
    "two columns": lambda: drawn.written(drawn.columns(LEFT, RIGHT)),
    "vertical": lambda: vertical(),
    "vertical at 300 dpi": lambda: drawn.vertical(dpi=300),
    "on its left side": lambda: horizontal().rotate(90, expand=True),
    "upside down": lambda: horizontal().rotate(180),
    "on its right side": lambda: horizontal().rotate(270, expand=True),
    "vertical, on its side": lambda: vertical().rotate(90, expand=True),
    "scanned askew": lambda: drawn.horizontal().rotate(3, fillcolor=255, resample=Image.Resampling.BICUBIC),
    "vertical, askew": lambda: drawn.vertical().rotate(-2, fillcolor=255, resample=Image.Resampling.BICUBIC),
}


@pytest.mark.parametrize("page", DRAWN.values(), ids=DRAWN)
def test_a_page_is_read_with_few_errors_in_its_order(engine, page, request):
    if "askew" in request.node.name and isinstance(engine, TesseractEngine):
        pytest.skip("Tesseract's places do not tell how askew short lines are")
    picture = page()
    scale = (300 if "300 dpi" in request.node.name else 150) / 72
    read = pages.recognized(engine, Picture(np.asarray(picture), scale), 1)
    assert drawn.error_rate(read.text) < MOST_ERRORS, read.text
    assert abs(len(read.blocks) - len(drawn.TEXT)) <= 1, "about a block for each paragraph"
    ink = picture.point(lambda value: 255 - value).getbbox()
    near = 6 * scale
    for block in read.blocks:
        left, top, right, bottom = (scale * side for side in block.box.model_dump().values())
        assert ink[0] - near <= left < right <= ink[2] + near
        assert ink[1] - near <= top < bottom <= ink[3] + near
        assert 0.5 < block.confidence <= 1


def test_scanned_pages_among_others_are_recognized(run, spec_for, pages_of):
    mixed = drawn.pdf_with_scan("第1条 本文です。この頁には文字があります。", drawn.horizontal())
    result = read_file(run, spec_for("mixed.pdf", mixed, ocr="auto"))
    text, scan = pages_of()
    assert (result.pages, result.recognized, result.ocr, result.warnings) == (2, 1, "rapidocr", ())
    assert text.text_origin.type == "text_layer" and "本文です" in text.text
    assert isinstance(scan.text_origin, RecognizedText) and scan.text_origin.confidence > 0.9
    assert drawn.error_rate(scan.text) < MOST_ERRORS
    assert (round(scan.width), round(scan.height)) == (595, 842)


@pytest.fixture
def used_openmp() -> None:
    """This process has several threads of OpenMP, as one that computes; those forked from it have one."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.softmax(torch.rand(600, 600) @ torch.rand(600, 600), dim=1)
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", get_args(OcrEngine))
@pytest.mark.parametrize("view", get_args(View))
def test_recognition_works_in_every_sandbox(run, spec_for, monkeypatch, used_openmp, view, name):
    if not engines.installed(name):
        pytest.skip(f"{name} is not installed")
    if view == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    monkeypatch.setattr(isolation, "get_args", lambda _: (view,))
    spec = spec_for("a.png", drawn.file_of(horizontal(drawn.TEXT[:1]), kind="PNG"), ocr=name)
    (page,) = isolation.recognize_in_sandbox(run, spec, [1])
    assert drawn.error_rate(page.text, drawn.TEXT[:1]) < MOST_ERRORS


def test_every_page_of_an_image_file_is_read_and_progress_told(run, spec_for, pages_of):
    content = drawn.file_of(horizontal(LEFT), horizontal(RIGHT), kind="TIFF")
    result = read_file(run, spec_for("fax.tif", content, ocr="auto"))
    assert (result.media_type, result.pages, result.recognized) == ("image/tiff", 2, 2)
    assert [
        drawn.error_rate(page.text, text) < MOST_ERRORS
        for page, text in zip(pages_of(), (LEFT, RIGHT), strict=True)
    ]
    events = (run.directory / "events.jsonl").read_text()
    assert '"done": 1, "total": 2, "unit": "page"' in events


def test_pages_that_are_hard_to_read_are_named(run, spec_for):
    content = drawn.file_of(drawn.horizontal(), drawn.worn(drawn.horizontal(points=7), 2.6))
    result = read_file(run, spec_for("old.pdf", content, ocr="auto"))
    assert result.warnings == ("low_confidence:1:2",)


def test_a_stop_request_ends_recognition(run, spec_for):
    content = drawn.file_of(*[drawn.horizontal()] * 9)
    recognized = isolation.recognize_in_sandbox(run, spec_for("a.pdf", content, ocr="rapidocr"), range(1, 10))
    next(recognized)
    threading.Timer(0.1, run.request_stop).start()
    with pytest.raises(RunStopped):
        list(recognized)


def test_a_page_has_limited_time(run, spec_for):
    spec = spec_for("a.pdf", drawn.file_of(drawn.horizontal()), ocr="rapidocr", ocr_seconds=0.01)
    with pytest.raises(UserError) as caught:
        list(isolation.recognize_in_sandbox(run, spec, [1]))
    assert caught.value.code == "user.parse_timeout"


def test_an_image_without_text_is_refused(run, spec_for):
    empty = io.BytesIO()
    Image.new("L", (800, 600), 255).save(empty, "PNG")
    with pytest.raises(UserError) as caught:
        read_file(run, spec_for("white.png", empty.getvalue(), ocr="auto"))
    assert caught.value.code == "user.no_text"
