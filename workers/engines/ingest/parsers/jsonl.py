"""Conversations in OpenAI's fine-tuning format: one `{"messages": [...]}` per line, checked strictly."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from workers.contract.media_types import JSONL
from workers.contract.records import DocumentOrigin, MessagesRecord, Page, Source
from workers.contract.specs.ingest import IngestSpec
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.training_formats import MESSAGES, format_of, not_jsonl, refuse_other_formats
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import normalize, normalize_layout

ROLES = ("system", "user", "assistant")
RECORDS_PER_PAGE = 50


@parser(JSONL)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """Records of every line; pages of 50 records each, so that a person can read what was uploaded."""
    # Not splitlines(): U+2028 may stand inside a JSON string.
    text = decode(file.read())
    refuse_other_formats(text)
    lines = text.split("\n")
    records = [_record(line, number, spec) for number, line in enumerate(lines, 1) if line.strip()]
    page_count = math.ceil(len(records) / RECORDS_PER_PAGE)
    return ParsedDocument(_pages(records), page_count=page_count, records=records)


def _pages(records: list[MessagesRecord]) -> Iterator[Page]:
    for number, start in enumerate(range(0, len(records), RECORDS_PER_PAGE), 1):
        shown = [
            "\n".join(f"{message['role']}: {message['content']}" for message in record.messages)
            for record in records[start : start + RECORDS_PER_PAGE]
        ]
        yield Page(kind="section", number=number, text="\n\n".join(shown))


def _record(line: str, number: int, spec: IngestSpec) -> MessagesRecord:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        column = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(number, f"is not valid JSON{column}")
    if (form := format_of(value)) not in (None, MESSAGES):
        raise not_jsonl(f"Line {number} has the form {form}.")
    if not isinstance(value, dict) or set(value) != {"messages"}:
        _refuse(number, 'must be an object with the single key "messages"')
    given = value["messages"]
    if not isinstance(given, list) or not given:
        _refuse(number, '"messages" must be a list that is not empty')
    messages = tuple(_message(message, number) for message in given)
    _check_order([message["role"] for message in messages], number)
    digest = hashlib.sha256("\0".join(f"{m['role']}\0{m['content']}" for m in messages).encode()).hexdigest()
    source = Source(
        document_id=spec.document_id,
        revision_id=spec.revision_id,
        document_name=spec.name,
        kind="section",
        number=number,
        label=f"line {number}",
    )
    return MessagesRecord(id=digest[:16], messages=messages, origin=DocumentOrigin(source=source))


def _message(value: Any, number: int) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        _refuse(number, 'each message must have exactly "role" and "content"')
    role, content = value["role"], value["content"]
    if role not in ROLES:
        _refuse(number, f"a role must be one of {', '.join(ROLES)}")
    if not isinstance(content, str) or not normalize(content):
        _refuse(number, "a message's content must be text that is not empty")
    return {"role": role, "content": normalize_layout(content)}


def _check_order(roles: list[str], number: int) -> None:
    """System only first; then user and assistant in turn, ending with the assistant."""
    turns = roles[1:] if roles[0] == "system" else roles
    expected = [("user", "assistant")[index % 2] for index in range(len(turns))]
    if not turns or turns != expected or turns[-1] != "assistant":
        _refuse(
            number,
            "messages must alternate user and assistant (after an optional system) and end with assistant",
        )


def _refuse(number: int, why: str) -> NoReturn:
    raise UserError(
        "invalid_jsonl",
        f"Line {number} {why}. Correct the line and upload the file again; nothing of it was taken.",
        param=f"line {number}",
    )
