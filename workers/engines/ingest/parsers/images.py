"""Images as documents: PNG, JPEG, TIFF with all its pages, WebP and BMP. Their text is recognized later."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

from workers.contract.media_types import BMP, JPEG, PNG, TIFF, WEBP
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import damaged
from workers.engines.ingest.parsers.picture import Drawing, Picture
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.shared.runtime import UserError

MOST_DECODED = 120_000_000
"""Pixels of an image, whatever its file claims: A3 at 600 dpi has 70 million."""
LONG_SIDE = 842.0
"""In points, of an image that does not say how large it is printed: A4."""
LARGEST_SIDE = 1700.0
"""In points (A2), of a size that is believed."""
LEAST_DPI, MOST_DPI = 100.0, 2400.0
"""That are believed: cameras write 72 whatever they see."""
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
_LIBRARIES = (
    "PIL.Image",
    "PIL.ImageOps",
    *(f"PIL.{each}ImagePlugin" for each in ("Png", "Jpeg", "Tiff", "WebP", "Bmp")),
)


@parser(PNG, JPEG, TIFF, WEBP, BMP, libraries=_LIBRARIES)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    image = _open(file)
    with _damaged():
        count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
    pages = [Page(kind="page", number=number, text="") for number in range(1, count + 1)]
    return ParsedDocument(
        pages,
        page_count=count,
        unread={"pages_without_text": [page.number for page in pages]},
        picture=partial(_picture, image),
    )


def _open(file: BinaryIO) -> Any:
    """The `PIL.Image.Image`, of which only the head has been read."""
    from PIL import Image

    # The limit here is our own, and an error instead of a warning.
    Image.MAX_IMAGE_PIXELS = None
    with _damaged():
        image = Image.open(file, formats=_FORMATS)
    _check_size(image, 1)
    return image


def _check_size(image: Any, number: int) -> None:
    width, height = image.size
    if width * height > MOST_DECODED:
        raise UserError(
            "picture_too_large",
            f"Page {number} of the image has {width} x {height} pixels; the limit is {MOST_DECODED // 10**6} million. "
            "Save it with fewer pixels (300 dpi are enough) and upload that.",
            page=number,
            width=width,
            height=height,
            limit=MOST_DECODED,
        )


@contextmanager
def _damaged() -> Iterator[None]:
    """Pillow raises many kinds of errors on a broken file."""
    from PIL import Image

    errors = (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        TypeError,
        KeyError,
        IndexError,
        OverflowError,
        struct.error,
    )
    try:
        yield
    except (*errors, Image.DecompressionBombError) as error:
        raise damaged("The image cannot be opened.") from error


def _picture(image: Any, number: int, drawing: Drawing) -> Picture:
    """Upright as its camera says, on white, made smaller where it has more pixels than are wanted."""
    from PIL import Image, ImageOps

    with _damaged():
        image.seek(number - 1)
    _check_size(image, number)
    with _damaged():
        image.load()
        upright = ImageOps.exif_transpose(image)
        scale = _pixels_per_point(upright.size, image.info.get("dpi"))
        drawn = _on_white(upright, "RGB" if drawing.is_for_people else "L")
    share = drawing.share_of(drawn.width, drawn.height, scale)
    if share < 1:
        size = (max(1, round(drawn.width * share)), max(1, round(drawn.height * share)))
        drawn = drawn.resize(size, Image.Resampling.BOX)
    return Picture(_pixels(drawn), scale * share)


def _pixels(image: Any) -> Any:
    import numpy as np

    return np.asarray(image)


def _on_white(image: Any, mode: str) -> Any:
    """Of 16 bits the upper ones; what is transparent is white."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return image.convert("F").point(lambda value: value / 257).convert("L").convert(mode)
    if "A" in image.getbands() or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert(mode)
    return image.convert(mode)


def _pixels_per_point(size: tuple[int, int], dpi: Any) -> float:
    """By the stated resolution, if the page has a believable size with it."""
    long_side = max(size)
    try:
        stated = float(dpi[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        stated = 0.0
    if LEAST_DPI <= stated <= MOST_DPI and long_side * 72 / stated <= LARGEST_SIDE:
        return stated / 72
    return long_side / LONG_SIDE
