"""Which parser reads which media type.

A parser is a function that declares its media types with `@parser(...)`. Every module of this package is imported
to find them, so a parser imports its libraries inside the function: reading a text file must not load those for PDF.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import BinaryIO

from pydantic import ConfigDict, Field

from workers.contract.media_types import MediaType
from workers.contract.records import FileRecord, Page
from workers.contract.spec import Spec
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest import parsers
from workers.engines.ingest.parsers.picture import Drawing, Picture

LONGEST_NAME = 2000
"""Characters of the name of a file in an archive; a document's name is shorter."""


class PackedFile(Spec):
    """A file of an archive begins; its bytes follow."""

    name: str = Field(max_length=LONGEST_NAME)
    """With its folders, below those of the archives that it was in."""


class PackedBytes(Spec):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    content: bytes


PackedPart = PackedFile | PackedBytes
PutPart = Callable[[PackedPart], None]


@dataclass
class ParsedDocument:
    """A document that has been opened and checked; its pages are read while `pages` is iterated.

    Reading a page raises UserError where the document is damaged or of another type.
    """

    pages: Iterable[Page]
    page_count: int | None = None
    """How many pages there will be, where the format says so before they are read."""
    title: str | None = None
    warnings: tuple[str, ...] = ()
    records: list[FileRecord] | None = None
    """Of a JSONL file, a record for each line; its pages only show them. None for every other format."""
    unread: Mapping[str, list[int]] = field(default_factory=dict)
    """Pages to be recognized, by the warning that they deserve otherwise; whole after `finish`."""
    unpack: Callable[[PutPart], tuple[str, ...]] | None = None
    """Of an archive, which has no pages: puts its files out and returns the warnings of that."""
    picture: Callable[[int, Drawing], Picture] | None = None
    """Draws a page, by its number, as it is shown; for formats whose pages are pictures or can be."""

    def finish(self, pages: list[Page]) -> list[Page]:
        """What can be done only when all pages have been read; may add warnings and raise UserError."""
        return pages

    def all_warnings(self) -> list[str]:
        """With those of the pages that nothing recognizes."""
        unread = ((code, numbers) for code, numbers in self.unread.items() if numbers)
        return [*(counted(code, map(str, numbers)) for code, numbers in unread), *self.warnings]


MOST_PLACES = 20
"""That a warning names."""


def counted(code: str, places: Iterable[str]) -> str:
    """A warning with how many and which: `formulas_without_results:2:見積!D2, 見積!D3`."""
    named = list(places)
    more = ", …" if len(named) > MOST_PLACES else ""
    return f"{code}:{len(named)}:{', '.join(named[:MOST_PLACES])}{more}"


Parser = Callable[[BinaryIO, IngestSpec], ParsedDocument]
"""Called with the open file at its beginning. A sandbox has no path to it: `spec.path` leads nowhere there."""
_parsers: dict[MediaType, Parser] = {}
_libraries: set[str] = set()


def parser(*media_types: MediaType, libraries: Iterable[str] = ()) -> Callable[[Parser], Parser]:
    """Declares that the decorated function reads files of these media types with these `libraries`, by module."""

    def declare(parse: Parser) -> Parser:
        _libraries.update(libraries)
        for media_type in media_types:
            assert media_type not in _parsers, f"two parsers read {media_type}"
            _parsers[media_type] = parse
        return parse

    return declare


@cache
def all_parsers() -> Mapping[MediaType, Parser]:
    for module in pkgutil.iter_modules(parsers.__path__, f"{parsers.__name__}."):
        importlib.import_module(module.name)
    return _parsers


def load_libraries() -> None:
    """All that any parser imports: for a process that will not be able to open a file, and for one that is forked."""
    all_parsers()
    for name in _libraries:
        importlib.import_module(name)
