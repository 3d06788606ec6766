"""Recognizes the pages of a document that are pictures. Runs in a sandbox, in tests also without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from workers.contract.records import Page, RecognizedText
from workers.contract.specs.ingest import IngestSpec, OcrEngine
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.ocr.engines import load
from workers.engines.ingest.ocr.layout import mean_confidence, page_text
from workers.engines.ingest.ocr.lines import Engine, turned_back
from workers.engines.ingest.parsers.picture import RECOGNITION, Picture
from workers.engines.ingest.parsers.registry import all_parsers
from workers.engines.ingest.reading import Description, Output

_LOADED: dict[OcrEngine, Engine] = {}
"""Of this process: filled while it may still open files."""


def prepare(spec: IngestSpec) -> None:
    """Load the engine that the spec names."""
    assert spec.ocr in ("rapidocr", "tesseract"), "the caller chooses an engine that is installed"
    if spec.ocr not in _LOADED:
        _LOADED[spec.ocr] = load(spec.ocr)


def recognize(file: BinaryIO, spec: IngestSpec, output: Output, pages: Sequence[int]) -> Description:
    """Put out each of the pages, without text where nothing is recognized. Raises UserError as parsers do."""
    prepare(spec)
    media_type = detect(file, spec.name)
    file.seek(0)
    document = all_parsers()[media_type](file, spec)
    assert document.picture is not None, "only a format that can draw its pages names some as unread"
    for done, number in enumerate(pages, start=1):
        output.page(recognized(_LOADED[spec.ocr], document.picture(number, RECOGNITION), number))
        output.progress(done, len(pages))
    return Description(media_type=media_type, title=document.title, warnings=())


def recognized(engine: Engine, picture: Picture, number: int) -> Page:
    """The page with the text of its picture. Boxes are where the page shows them, also if it lies on its side."""
    turns, lines = engine.read(picture.pixels)
    shown_height, shown_width = picture.pixels.shape
    width, height = (shown_height, shown_width) if turns % 2 else (shown_width, shown_height)
    places = [turned_back(line.shown, turns, width, height) for line in lines]
    text, blocks = page_text(lines, picture.scale, places)
    return Page(
        kind="page",
        number=number,
        text=text,
        text_origin=RecognizedText(confidence=mean_confidence(lines)),
        blocks=blocks,
        width=round(shown_width / picture.scale, 2),
        height=round(shown_height / picture.scale, 2),
    )
