"""Draw pages of one document revision in a sandbox, and keep their pictures.

A sandbox hands out pixels. They are encoded here, so that no file that a hostile document has made reaches a browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from workers.contract.artifacts import file_sha256, write_manifest
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.page_pictures import (
    NotDrawn,
    PagePicturesResult,
    PagePicturesSpec,
    picture_file,
)
from workers.engines.ingest.isolation import draw_in_sandbox
from workers.engines.ingest.parsers.picture import MOST_SIDE, SCREEN
from workers.engines.ingest.reading import Drawn
from workers.engines.shared.runtime import EngineFault, Run, UserError

QUALITY = 80
EFFORT = 2
"""Of WebP, 0 to 6: a page takes some 40 ms, and half as long again with a tenth fewer bytes at 4."""


def draw_pages(run: Run, spec: PagePicturesSpec) -> PagePicturesResult:
    """Write a picture for each page into the run's output.

    Raises UserError where no page can be drawn, with the code of the first one: damaged_file, encrypted,
    picture_too_large, no_such_page, no_picture, wrong_type, parse_timeout, parse_out_of_memory; EngineFault: blob_missing,
    blob_damaged, parser_failed, parser_killed, no_sandbox.
    """
    run.started()
    _check(spec)
    drawn: list[int] = []
    failed: list[UserError] = []
    size = 0
    for outcome in _outcomes(run, spec):
        if isinstance(outcome, UserError):
            failed.append(outcome)
        else:
            size += keep(run, outcome)
            drawn.append(outcome.number)
        run.progress(len(drawn) + len(failed), len(spec.pages), "page")
    if not drawn:
        raise failed[0]
    lacking = (number for number in spec.pages if number not in drawn)
    return PagePicturesResult(
        drawn=tuple(drawn),
        not_drawn=tuple(
            NotDrawn(number=number, code=error.code) for number, error in zip(lacking, failed, strict=True)
        ),
        bytes=size,
        manifest_sha256=write_manifest(run.output_dir, "page_pictures", revision_id=spec.revision_id),
    )


def _check(spec: PagePicturesSpec) -> None:
    try:
        sha256 = file_sha256(spec.path)
    except FileNotFoundError as error:
        raise EngineFault("blob_missing", "The stored file is not on this node's storage.") from error
    if sha256 != spec.sha256:
        raise EngineFault(
            "blob_damaged",
            "The stored file is not what was uploaded any more: look at the disk of the storage.",
        )


def _outcomes(run: Run, spec: PagePicturesSpec) -> Iterator[Drawn | UserError]:
    """Of each page in order. What ends a sandbox is the fault of the page that was next; the others get a new one."""
    reading = IngestSpec(
        document_id="",
        revision_id=spec.revision_id,
        name=spec.name,
        path=spec.path,
        parse_seconds=spec.page_seconds,
        parse_memory_bytes=spec.memory_bytes,
    )
    left = list(spec.pages)
    while left:
        run.raise_if_stopped()
        try:
            with closing(draw_in_sandbox(run, reading, tuple(left))) as pictures:
                for picture in pictures:
                    left.pop(0)
                    yield picture
        except UserError as error:
            if left:
                left.pop(0)
                yield error


def keep(run: Run, picture: Drawn) -> int:
    """Bytes of the file."""
    from PIL import Image

    size = (picture.width, picture.height)
    if max(size) > MOST_SIDE or len(picture.pixels) != 3 * picture.width * picture.height:
        raise EngineFault("parser_failed", "The parser sent what the engine does not accept.")
    if picture.width * picture.height > SCREEN.most_pixels * 1.01:
        raise EngineFault("parser_failed", "The parser sent more pixels than it was asked for.")
    path = run.output_dir / picture_file(picture.number)
    Image.frombytes("RGB", size, picture.pixels).save(path, "WEBP", quality=QUALITY, method=EFFORT)
    return path.stat().st_size
