"""Draws pages of an open file. Runs in a sandbox, in tests also without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.parsers.picture import SCREEN
from workers.engines.ingest.parsers.registry import all_parsers
from workers.engines.ingest.reading import Description, Drawn, Output
from workers.engines.shared.runtime import UserError


def draw(file: BinaryIO, spec: IngestSpec, output: Output, pages: Sequence[int]) -> Description:
    """Put out each of the pages. Raises UserError as parsers do, and `no_picture` for a format whose pages have none."""
    media_type = detect(file, spec.name)
    file.seek(0)
    document = all_parsers()[media_type](file, spec)
    if document.picture is None:
        raise UserError("no_picture", "Pages of files of this type have no picture.")
    for done, number in enumerate(pages, start=1):
        if document.page_count is not None and number > document.page_count:
            raise UserError("no_such_page", f"The file has no page {number}.", page=number)
        pixels = document.picture(number, SCREEN).pixels
        height, width = pixels.shape[:2]
        output.picture(Drawn(number=number, width=width, height=height, pixels=pixels.tobytes()))
        output.progress(done, len(pages))
    return Description(media_type=media_type, title=None, warnings=())
