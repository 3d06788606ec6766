"""Pages are drawn as they are shown, with the boxes of their text where the text is, and never larger than a screen needs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engines.ingest import documents
from tests.engines.ingest.pdf_files import pdf_of, shown
from workers.contract.artifacts import file_sha256, verify_manifest
from workers.contract.specs.page_pictures import NotDrawn, PagePicturesResult, PagePicturesSpec
from workers.contract.specs.run import RunConfig
from workers.engines.ingest.parsers.picture import MOST_SIDE, RECOGNITION, SCREEN
from workers.engines.ingest.pictures import engine
from workers.engines.ingest.pictures.drawing import draw
from workers.engines.ingest.reading import Drawn, Output
from workers.engines.shared.runtime import EngineFault, Run, UserError

WHITE = 250
RED, BLUE = "0.9 0.1 0.1 rg", "0.1 0.1 0.9 rg"


def drawn(spec, *numbers: int) -> list[np.ndarray]:
    """The pictures as (height, width, 3), in this process."""
    pictures: list[Drawn] = []
    nothing = Output(
        lambda done, total: None, lambda page: None, lambda record: None, picture=pictures.append
    )
    with open(spec.path, "rb") as file:
        draw(file, spec, nothing, numbers or (1,))
    return [np.frombuffer(each.pixels, np.uint8).reshape(each.height, each.width, 3) for each in pictures]


def turned(content: bytes, entry: str) -> bytes:
    """The page has another entry; nothing depends on where its objects stand."""
    return content.replace(b"/Type /Page /Parent", f"/Type /Page {entry} /Parent".encode())


FRAMES = {
    "upright": "",
    "on its side": "/Rotate 90",
    "upside down": "/Rotate 180",
    "cut": "/CropBox [50 100 500 800]",
}


@pytest.mark.parametrize("entry", FRAMES.values(), ids=FRAMES)
def test_boxes_stand_where_the_picture_shows_the_text(spec_for, parse, entry):
    content = turned(
        pdf_of((shown("Terms of delivery", 100, 700, size=20) + shown("Ten days", 120, 300), ())), entry
    )
    spec = spec_for("a.pdf", content)
    (page,) = parse(spec)
    (picture,) = drawn(spec)
    height, width, _ = picture.shape
    assert (width / height) == pytest.approx(page.width / page.height, rel=0.01)
    rest = picture.copy()
    for block in page.blocks:
        assert block.box is not None
        left, right = (round(side * width / page.width) for side in (block.box.left, block.box.right))
        top, bottom = (round(side * height / page.height) for side in (block.box.top, block.box.bottom))
        assert picture[top:bottom, left:right].min() < 128, "there is ink in the box"
        # What is drawn may hang over its box by a fraction of a line.
        rest[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8] = 255
    assert rest.min() > WHITE, "there is none outside of the boxes"


def test_a_page_is_drawn_in_its_colours_at_120_dpi(spec_for):
    pages = [(f"{colour}\n0 0 300 842 re f\n", ()) for colour in (RED, BLUE)]
    red, blue = drawn(spec_for("a.pdf", pdf_of(*pages)), 1, 2)
    assert red.shape == (1404, 992, 3)
    assert red[700, 100].argmax() == 0 and blue[700, 100].argmax() == 2 and red[700, 900].min() > WHITE


def test_an_image_stands_upright_and_is_made_smaller(spec_for):
    image = Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))
    image.paste((200, 20, 20, 255), (0, 0, 1000, 1000))
    kept, second, turned_file = io.BytesIO(), Image.new("L", (60, 30), 9), io.BytesIO()
    image.convert("RGB").save(kept, "TIFF", save_all=True, append_images=[second])
    first, other = drawn(spec_for("a.tif", kept.getvalue()), 1, 2)
    assert first.shape == (702, 1403, 3) and other.shape == (30, 60, 3), "no larger than it is"
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(turned_file, "WEBP", exif=exif)
    (upright,) = drawn(spec_for("a.webp", turned_file.getvalue()))
    assert upright.shape == (1403, 702, 3)
    assert upright[100, 300].argmax() == 0 and upright[1300, 300].min() > WHITE, (
        "what is transparent is white"
    )


@pytest.mark.parametrize("size", [(14_400, 14_400), (200_000, 20), (3, 100_000), (0.5, 0.5)])
def test_no_page_makes_a_large_picture(spec_for, size):
    content = pdf_of((shown("A", 1, 1), ())).replace(b"[0 0 595 842]", f"[0 0 {size[0]} {size[1]}]".encode())
    (picture,) = drawn(spec_for("a.pdf", content))
    assert picture.shape[0] * picture.shape[1] <= 1.01 * SCREEN.most_pixels
    assert max(picture.shape) <= MOST_SIDE
    assert max(RECOGNITION.scale_for(*size) * side for side in size) <= MOST_SIDE


# -- the engine ----------------------------------------------------------------------------------
def run_in(folder: Path) -> Run:
    return Run(RunConfig(job_id="j", kind="page_pictures", fence=1, attempt=1, run_dir=folder, spec={}))


def draw_pages(folder: Path, content: bytes, *pages: int) -> PagePicturesResult:
    blob = folder / "blob"
    blob.write_bytes(content)
    spec = PagePicturesSpec(revision_id="rev_1", name="a", path=blob, sha256=file_sha256(blob), pages=pages)
    return engine.draw_pages(run_in(folder / "run"), spec)


@pytest.mark.slow
def test_the_pictures_are_kept_and_a_page_that_cannot_be_drawn_does_not_stop_the_others(tmp_path):
    result = draw_pages(tmp_path, documents.pdf([["一"], ["二"]]), 2, 99, 1)
    assert (result.drawn, result.not_drawn) == ((2, 1), (NotDrawn(number=99, code="user.no_such_page"),))
    output = tmp_path / "run" / "output"
    verify_manifest(output, result.manifest_sha256)
    assert {path.name for path in output.iterdir()} == {"1.webp", "2.webp", "manifest.json"}
    assert result.bytes == sum(path.stat().st_size for path in output.glob("*.webp"))
    with Image.open(output / "1.webp") as picture:
        assert picture.format == "WEBP" and max(picture.size) > 1000


BAD = {
    "no_picture": "本文".encode(),
    "damaged_file": b"\x89PNG\r\n\x1a\n",
    "encrypted": documents.pdf([["秘"]], password="p"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("code", "content"), BAD.items(), ids=BAD)
def test_a_file_whose_pages_cannot_be_drawn_is_refused_with_its_reason(tmp_path, code, content):
    with pytest.raises(UserError) as caught:
        draw_pages(tmp_path, content, 1)
    assert caught.value.code == f"user.{code}"


@pytest.mark.parametrize(("width", "height", "more"), [(4, 4, 1), (MOST_SIDE + 1, 1, 0), (2200, 2200, 0)])
def test_only_as_many_pixels_as_were_asked_for_are_taken_from_a_sandbox(tmp_path, width, height, more):
    pixels = b"\0" * (3 * width * height + more)
    sent = Drawn.model_validate_json(
        Drawn(number=1, width=width, height=height, pixels=pixels).model_dump_json()
    )
    with pytest.raises(EngineFault):
        engine.keep(run_in(tmp_path), sent)
