"""Training data, an object in each line, checked strictly.

Conversations in OpenAI's format (`messages`), as instruction and output, prompt and completion, or as the chosen one of two
answers; texts as `text`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from workers.contract.media_types import JSONL
from workers.contract.records import DocumentOrigin, FileRecord, MessagesRecord, Page, Source, TextRecord
from workers.contract.specs.ingest import IngestSpec
from workers.contract.specs.run import ErrorValue
from workers.engines.ingest.encodings import decode
from workers.engines.ingest.parsers.registry import ParsedDocument, parser
from workers.engines.ingest.training_formats import (
    PREFERENCE,
    SHAREGPT,
    TEXT,
    conversation_of,
    format_of,
    not_jsonl,
    refuse_other_formats,
    shown_keys,
    unknown_keys,
)
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import normalize, normalize_layout

ROLES = ("system", "user", "assistant")
RECORDS_PER_PAGE = 50


@parser(JSONL)
def parse(file: BinaryIO, spec: IngestSpec) -> ParsedDocument:
    """Records of every line; pages of 50 records each, so that a person can read what was uploaded."""
    # Not splitlines(): U+2028 may stand inside a JSON string.
    text = decode(file.read())
    refuse_other_formats(text, reads_lines=True)
    lines = text.split("\n")
    values = [(number, *_value(line, number)) for number, line in enumerate(lines, 1) if line.strip()]
    records = [_record(value, form, number, spec) for number, value, form in values]
    pairs = sum(form == PREFERENCE for _, _, form in values)
    return ParsedDocument(
        _pages(records),
        page_count=math.ceil(len(records) / RECORDS_PER_PAGE),
        records=records,
        warnings=(f"rejected_answers_not_used:{pairs}",) if pairs else (),
    )


def _pages(records: list[FileRecord]) -> Iterator[Page]:
    for number, start in enumerate(range(0, len(records), RECORDS_PER_PAGE), 1):
        shown = map(_shown, records[start : start + RECORDS_PER_PAGE])
        yield Page(kind="section", number=number, text="\n\n".join(shown))


def _shown(record: FileRecord) -> str:
    if isinstance(record, TextRecord):
        return record.text
    return "\n".join(f"{message['role']}: {message['content']}" for message in record.messages)


def _value(line: str, number: int) -> tuple[dict[str, Any], str]:
    """The object of a line, and its form."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            why = f"is not valid JSON, column {error.colno}"
            _refuse(number, why, reason="not_json_at", column=error.colno)
        _refuse(number, "is not valid JSON", reason="not_json")
    form = format_of(value)
    if form == SHAREGPT:
        raise not_jsonl(f"Line {number} has the form {form}.", reason="line_form", line=number, form=form)
    if form is None:
        _refuse(
            number,
            'must be an object with the key "messages", or in another form that is read',
            reason="unknown_form",
        )
    if unknown := unknown_keys(form, value):
        why = f"has more keys than its form ({form}) knows"
        _refuse(number, why, reason="unknown_keys", keys=shown_keys(unknown))
    return value, form


def _record(value: dict[str, Any], form: str, number: int, spec: IngestSpec) -> FileRecord:
    origin = DocumentOrigin(source=_source(number, spec))
    if form == TEXT:
        text = _content(value["text"], number, "a text")
        return TextRecord(id=_digest([text]), text=text, origin=origin)
    given = conversation_of(form, value)
    if not isinstance(given, list) or not given:
        _refuse(number, '"messages" must be a list that is not empty', reason="no_messages")
    messages = tuple(_message(message, number) for message in given)
    _check_order([message["role"] for message in messages], number)
    said = [each for message in messages for each in (message["role"], message["content"])]
    return MessagesRecord(id=_digest(said), messages=messages, origin=origin)


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _source(number: int, spec: IngestSpec) -> Source:
    return Source(
        document_id=spec.document_id,
        revision_id=spec.revision_id,
        document_name=spec.name,
        kind="section",
        number=number,
        label=f"line {number}",
    )


def _content(value: Any, number: int, what: str) -> str:
    if not isinstance(value, str) or not normalize(value):
        _refuse(number, f"{what} must be text that is not empty", reason="empty_content")
    return normalize_layout(value)


def _message(value: Any, number: int) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        _refuse(number, 'each message must have exactly "role" and "content"', reason="message_keys")
    role, content = value["role"], value["content"]
    if role not in ROLES:
        _refuse(number, f"a role must be one of {', '.join(ROLES)}", reason="role", roles=", ".join(ROLES))
    return {"role": role, "content": _content(content, number, "a message's content")}


def _check_order(roles: list[str], number: int) -> None:
    """System only first; then user and assistant in turn, ending with the assistant."""
    turns = roles[1:] if roles[0] == "system" else roles
    expected = [("user", "assistant")[index % 2] for index in range(len(turns))]
    if not turns or turns != expected or turns[-1] != "assistant":
        _refuse(
            number,
            "messages must alternate user and assistant (after an optional system) and end with assistant",
            reason="order",
        )


def _refuse(number: int, why: str, *, reason: str, **values: ErrorValue) -> NoReturn:
    raise UserError(
        "invalid_jsonl",
        f"Line {number} {why}. Correct the line and upload the file again; nothing of it was taken.",
        param=f"line {number}",
        reason=reason,
        line=number,
        **values,
    )
