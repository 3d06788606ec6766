"""E-mails: .eml, and .msg of Outlook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from workers.contract.media_types import EML, MSG, MediaType
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.parsers.eml import read_eml
from workers.engines.ingest.parsers.mail_parts import MailDocument, ReadMail
from workers.engines.ingest.parsers.outlook import read_msg
from workers.engines.ingest.parsers.registry import ParsedDocument, parser

_READERS: Mapping[MediaType, ReadMail] = {EML: read_eml, MSG: read_msg}


@parser(EML, libraries=("email", "email.errors", "email.header", "email.parser", "email.utils", "lxml.html"))
def parse_eml(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    return MailDocument(read_eml(file.read()), spec, _READERS)


@parser(MSG, libraries=("olefile", "lxml.html"))
def parse_msg(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    return MailDocument(read_msg(file.read()), spec, _READERS)
