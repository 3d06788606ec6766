"""Writes the pages, their personal data and the records of a document into a folder, as they come.

Personal data are found here and not in the sandbox: a file that takes its parser over must not say that it has none.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Self

from workers.contract.personal_data import PERSONAL_DATA_FILE, PersonalDataKind, masked
from workers.contract.records import PAGES_FILE, RECORDS_FILE, FileRecord, Page
from workers.contract.spec import Spec
from workers.engines.ingest.parsers.limits import Report
from workers.engines.ingest.reading import Output
from workers.engines.ingest.unpacked_files import UnpackedFiles
from workers.engines.shared.personal_data import find_in_title, find_on_page

REPORT_SECONDS = 1.0
MOST_TOLD = 10_000
"""How many different finds of the pages are looked for in the title."""


class PagesWriter:
    """Counts what it writes. Progress is reported at most once a second."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.pages = 0
        self.characters = 0
        self.records: int | None = None
        """None for a document without records of its own."""
        self.unpacked = UnpackedFiles(folder)
        self.output = Output(self._progress, self._page, self._record, self.unpacked.put)
        self._told: dict[str, PersonalDataKind] = {}
        self._folder = folder
        self._report = report
        self._files = ExitStack()
        self._pages_file = self._open(PAGES_FILE)
        self._personal_data_file = self._open(PERSONAL_DATA_FILE)
        self._records_file: BinaryIO | None = None
        self._next_report = time.monotonic() + REPORT_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unpacked.close()
        self._files.close()

    def _open(self, name: str) -> BinaryIO:
        return self._files.enter_context(open(self._folder / name, "wb"))

    def _progress(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next_report:
            self._next_report = time.monotonic() + REPORT_SECONDS
            self._report(done, total)

    def _page(self, page: Page) -> None:
        _write(self._pages_file, page)
        for found in find_on_page(page):
            _write(self._personal_data_file, found)
            if len(self._told) < MOST_TOLD and found.is_in_text:
                self._told[page.text[found.span.start : found.span.end]] = found.span.kind
        self.pages += 1
        self.characters += len(page.text)

    def masked_title(self, title: str) -> str:
        """The title of the document whose pages were written, or another short text from it, for example a sheet's name."""
        return masked(title, find_in_title(title, self._told))

    def masked_warning(self, warning: str) -> str:
        """Its places are names of sheets and attachments; its word and figure stay."""
        *begin, places = warning.split(":", maxsplit=2)
        return ":".join([*begin, self.masked_title(places)]) if len(begin) == 2 else warning

    def _record(self, record: FileRecord) -> None:
        if self._records_file is None:
            self._records_file = self._open(RECORDS_FILE)
        _write(self._records_file, record)
        self.records = (self.records or 0) + 1


def _write(file: BinaryIO, line: Spec) -> None:
    file.write(line.model_dump_json().encode() + b"\n")
