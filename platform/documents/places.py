"""Where in a document something stands: in words (`page 3`, `sheet “FAQ” B2:C2`), and as the address that opens it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from workers.contract.cells import range_of
from workers.contract.personal_data import PersonalDataMode

_LONGEST_NUMBER = 9


def place_text(*, kind: str, number: int | str, label: str | None, cells: str | None) -> str:
    if kind == "page":
        text = _("page %(number)s") % {"number": number}
    elif kind == "slide":
        text = _("slide %(number)s") % {"number": number}
    elif kind == "sheet":
        text = _("sheet “%(label)s”") % {"label": label or number}
    else:
        text = label or _("section %(number)s") % {"number": number}
    return f"{text} {cells}" if cells else text


@dataclass(frozen=True)
class Passage:
    """What of a page is meant: characters of its text, or cells of one of its tables."""

    start: int = 0
    end: int = 0
    """0 where no characters are named."""
    cells: str = ""
    table: int | None = None
    """Which of the page's tables, from 0; None in a sheet, where the cells say it."""
    personal_data: PersonalDataMode = "raw"
    """How the text was whose characters are counted."""

    def __bool__(self) -> bool:
        return bool(self.end or self.cells)


def place_url(document_id: str, number: int, revision_id: str, passage: Passage = Passage()) -> str:
    """The document's page, opened at page (sheet, slide) `number` of that revision with the passage marked."""
    query: dict[str, object] = {"page": number, "revision": revision_id}
    if passage.end:
        query |= {"start": passage.start, "end": passage.end}
    if passage.cells:
        query["cells"] = passage.cells
    if passage.table is not None:
        query["table"] = passage.table
    if passage and passage.personal_data == "masked":
        query["text"] = passage.personal_data
    address = reverse("documents:detail", args=[document_id])
    return f"{address}?{urlencode(query)}#page-{number}"


def passage_of(query: Mapping[str, str]) -> Passage:
    """What `place_url` has put into an address; nothing where it was changed to what makes no sense."""
    cells = query.get("cells", "")
    try:
        range_of(cells)
    except ValueError:
        cells = ""
    table = number_in(query, "table", -1)
    return Passage(
        start=number_in(query, "start", 0),
        end=number_in(query, "end", 0),
        cells=cells,
        table=table if table >= 0 else None,
        personal_data="masked" if query.get("text") == "masked" else "raw",
    )


def number_in(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else otherwise
