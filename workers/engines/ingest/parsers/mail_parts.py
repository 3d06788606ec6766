"""An e-mail as pages of one document: its own text, then the attachments that can be read."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from workers.contract.media_types import JSONL, ZIP, MediaType
from workers.contract.records import Page
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.file_types import detect
from workers.engines.ingest.parsers import html
from workers.engines.ingest.parsers.limits import read_pages
from workers.engines.ingest.parsers.registry import ParsedDocument, all_parsers, counted
from workers.engines.ingest.parsers.sections import LONGEST_LABEL, block_text, moved, sections
from workers.engines.ingest.parsers.unpacking import packed_files
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import normalize, normalize_layout

DEEPEST = 2
"""How deep e-mails and archives within e-mails are read."""
_GAP = "\n\n"
_TYPES_WITHOUT_PLACE = ("page", "slide")
"""Numbered by what they are in: as part of an e-mail they have another number."""


@dataclass
class Mail:
    """What a reader of one format has found. `headers`: the lines that the text begins with."""

    subject: str
    headers: list[str]
    plain: str = ""
    html: str = ""
    """The body, where there is no plain one."""
    attachments: list[Attachment] = field(default_factory=list)


@dataclass
class Attachment:
    name: str
    content: bytes | Mail


ReadMail = Callable[[bytes], Mail]


class MailDocument(ParsedDocument):
    """Warns of the attachments that could not be read, once its pages are."""

    def __init__(
        self, mail: Mail, spec: IngestSpec, readers: Mapping[MediaType, ReadMail], depth: int = 0
    ) -> None:
        self._mail = mail
        self._spec = spec
        self._readers = readers
        self._depth = depth
        self.not_read: list[str] = []
        """Attachments with the reason."""
        self.told: list[str] = []
        """Warnings of those that were read."""
        super().__init__(self._pages(), title=normalize(mail.subject) or None)

    def finish(self, pages: list[Page]) -> list[Page]:
        not_read = (counted("attachments_not_read", self.not_read),) if self.not_read else ()
        self.warnings = (*not_read, *self.told)
        return pages

    def _pages(self) -> Iterator[Page]:
        for number, page in enumerate(chain(self._own_pages(), self._attached_pages()), 1):
            yield page.model_copy(update={"number": number})

    def _own_pages(self) -> Iterable[Page]:
        headers = normalize("\n".join(self._mail.headers))
        body = normalize_layout(self._mail.plain)
        if body.strip() or not self._mail.html:
            return sections([f"{headers}{_GAP}{body}".strip("\n")])
        # The mark keeps a charset that the page declares from being believed: the text is decoded already.
        content = codecs.BOM_UTF8 + self._mail.html.encode("utf-8", "replace")
        first, *others = [*html.parse(io.BytesIO(content), self._spec).pages] or [*sections([headers])]
        return [_below(headers, first), *others] if first.text != headers else [first]

    def _attached_pages(self) -> Iterator[Page]:
        for attachment in self._mail.attachments:
            name = normalize(attachment.name).replace("\n", " ") or "?"
            try:
                yield from self._attached(attachment, name)
            except UserError as error:
                self.not_read.append(f"{name} ({error.code.removeprefix('user.')})")

    def _attached(self, attachment: Attachment, name: str) -> list[Page]:
        """Raises UserError where nothing of it can be read."""
        spec = self._spec.model_copy(update={"name": attachment.name})
        document = self._document(attachment, spec)
        pages = document.finish(list(read_pages(document, spec, lambda done, total: None)))
        told = document.all_warnings()
        if isinstance(document, MailDocument):
            told = document.told
            self.not_read += [f"{name} › {each}" for each in document.not_read]
            if document.not_read and not any(page.text for page in pages):
                return []
        if not any(page.text for page in pages):
            raise UserError("no_text", "The attachment holds no text.")
        self.told += [_with_name(warning, name) for warning in told]
        return [_labelled(page, name) for page in pages]

    def _document(self, attachment: Attachment, spec: IngestSpec) -> ParsedDocument:
        content = attachment.content
        if isinstance(content, Mail):
            return self._inside(content)
        if not content:
            raise UserError("empty_file", "The attachment is empty.")
        media_type = detect(io.BytesIO(content), spec.name)
        if media_type == ZIP:
            files = packed_files(content, spec.max_expanded_bytes)
            return self._inside(Mail("", [], attachments=[Attachment(*each) for each in files]))
        if media_type == JSONL:
            raise UserError("wrong_type", "Training data is uploaded by itself.", reason="training_data")
        if media_type in self._readers:
            return self._inside(self._readers[media_type](content))
        return all_parsers()[media_type](io.BytesIO(content), spec)

    def _inside(self, mail: Mail) -> MailDocument:
        """Of an e-mail or an archive that is attached."""
        if self._depth >= DEEPEST:
            raise UserError("nested_too_deep", "The attachment is in another one that is in others.")
        return MailDocument(mail, self._spec, self._readers, self._depth + 1)


def _below(headers: str, page: Page) -> Page:
    """The page with the lines before its text."""
    if not headers:
        return page
    top = block_text("paragraph", headers).blocks
    blocks = (*top, *moved(page.blocks, len(headers) + len(_GAP)))
    return page.model_copy(update={"text": f"{headers}{_GAP}{page.text}", "blocks": blocks})


def _with_name(warning: str, name: str) -> str:
    code, figure, places = (*warning.split(":", maxsplit=2), "", "")[:3]
    return f"{code}:{figure}:{name}: {places}" if places else f"{code}:{figure}:{name}"


def _labelled(page: Page, name: str) -> Page:
    """Pages and slides become sections, since the number of the whole e-mail's page is no longer theirs."""
    if page.kind in _TYPES_WITHOUT_PLACE:
        label = f"{name} p.{page.number}"
        return page.model_copy(update={"kind": "section", "label": label[:LONGEST_LABEL]})
    label = f"{name} › {page.label}" if page.label else name
    return page.model_copy(update={"label": label[:LONGEST_LABEL]})
