"""Images as documents: which are opened, how they are drawn, and how broken or absurd ones are refused."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from workers.engines.ingest.engine import read_file
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.ocr import engines
from workers.engines.ingest.parsers.images import parse
from workers.engines.ingest.parsers.picture import RECOGNITION
from workers.engines.shared.runtime import UserError

TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
}


def _image(kind: str, image: Image.Image | None = None, **more: object) -> bytes:
    """By default 40 x 20, its left half black."""
    if image is None:
        image = Image.new("RGB", (40, 20), "white")
        image.paste((0, 0, 0), (0, 0, 20, 20))
    kept = io.BytesIO()
    image.save(kept, kind, **more)
    return kept.getvalue()


def _drawn(spec_for, content: bytes, number: int = 1):
    return parse(io.BytesIO(content), spec_for("a")).picture(number, RECOGNITION)


@pytest.mark.parametrize(("kind", "media_type"), TYPES.items())
def test_an_image_is_found_by_its_bytes_and_drawn_in_grey(spec_for, kind, media_type):
    content = _image(kind)
    assert detect(io.BytesIO(content), "scan.dat") == media_type
    pixels = _drawn(spec_for, content).pixels
    assert (pixels.shape, pixels.dtype) == ((20, 40), np.uint8)
    assert pixels[:, :18].max() < 30 and pixels[:, 22:].min() > 225


def test_every_page_of_a_tiff_is_one(spec_for):
    pages = [Image.new("L", (30, 20), shade) for shade in (10, 120, 250)]
    content = _image("TIFF", pages[0], save_all=True, append_images=pages[1:])
    document = parse(io.BytesIO(content), spec_for("a.tif"))
    assert (document.page_count, [page.number for page in document.pages]) == (3, [1, 2, 3])
    assert [int(document.picture(number, RECOGNITION).pixels.mean()) for number in (3, 1, 2)] == [
        250,
        10,
        120,
    ]


MODES = {
    "black and white": (Image.new("1", (8, 8), 1), 255),
    "palette": (Image.new("RGB", (8, 8), "white").quantize(), 255),
    "transparent is white": (Image.new("RGBA", (8, 8), (0, 0, 0, 0)), 255),
    "16 bits": (Image.fromarray(np.full((8, 8), 30000, np.uint16)), 116),
}


@pytest.mark.parametrize(("image", "shade"), MODES.values(), ids=MODES)
def test_images_of_all_modes_become_grey(spec_for, image, shade):
    assert int(_drawn(spec_for, _image("PNG", image)).pixels.mean()) == shade


def test_a_photograph_stands_as_its_camera_says(spec_for):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by a quarter with the clock.
    pixels = _drawn(spec_for, _image("JPEG", exif=exif)).pixels
    assert pixels.shape == (40, 20)
    assert pixels[:18].max() < 30 < 225 < pixels[22:].min(), "the left half is above"


RESOLUTIONS = {
    "as stated": ((1240, 1754), 150, 150 / 72),
    "72 dpi of a camera": ((3000, 4000), 72, 4000 / 842),
    "none": ((600, 842), None, 1.0),
    "absurd": ((600, 842), 1_000_000, 842 / 842),
}


@pytest.mark.parametrize(("size", "dpi", "scale"), RESOLUTIONS.values(), ids=RESOLUTIONS)
def test_a_page_has_the_size_that_its_resolution_says_if_that_can_be(spec_for, size, dpi, scale):
    more = {"dpi": (dpi, dpi)} if dpi else {}
    assert _drawn(spec_for, _image("PNG", Image.new("L", size), **more)).scale == pytest.approx(
        scale, rel=0.3
    )


def _png(width: int, height: int) -> bytes:
    """Its head claims this size; its data are those of one pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 4)) + chunk(b"IEND", b"")


def _tiff_in_circles() -> bytes:
    """The directory of its page names itself as that of the next page."""
    entries = [(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *each) for each in entries)
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", 8)


BAD = {
    "more pixels than any page": (_png(60_000, 60_000), "picture_too_large"),
    "most pixels that a head can claim": (_png(2**31 - 1, 2**31 - 1), "picture_too_large"),
    "cut off": (_image("JPEG", Image.effect_noise((300, 300), 90))[:2000], "damaged_file"),
    "nothing after its first bytes": (b"\x89PNG\r\n\x1a\n", "damaged_file"),
    "fewer data than pixels": (_png(500, 500), "damaged_file"),
}


@pytest.mark.parametrize(("content", "code"), BAD.values(), ids=BAD)
def test_a_bad_image_is_refused(spec_for, content, code):
    with pytest.raises(UserError) as caught:
        _drawn(spec_for, content)
    assert caught.value.code == f"user.{code}"


def test_a_tiff_whose_directory_is_its_own_successor_has_one_page(spec_for):
    assert parse(io.BytesIO(_tiff_in_circles()), spec_for("a.tif")).page_count == 1


def test_a_fine_image_is_drawn_more_coarsely(spec_for):
    picture = _drawn(spec_for, _image("PNG", Image.new("1", (9000, 9000)), dpi=(600, 600)))
    assert picture.pixels.size <= 16_100_000
    assert picture.pixels.shape[0] / picture.scale == pytest.approx(9000 * 72 / 600, rel=0.01)


@pytest.mark.parametrize("choice", ["none", "auto", "rapidocr"])
def test_without_an_engine_an_image_is_refused_and_told_what_to_install(run, spec_for, monkeypatch, choice):
    monkeypatch.setattr(engines, "_FOUND", {})
    with pytest.raises(UserError) as caught:
        read_file(run, spec_for("a.png", _image("PNG"), ocr=choice))
    assert caught.value.code == "user.no_text"
    assert "rapidocr" in caught.value.message and "tesseract-ocr" in caught.value.message
