"""What a sandbox tells the engine: one line for each message, its kind and its JSON.

What comes out of a sandbox may be the work of a hostile file, so the engine validates each message.
"""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from workers.contract.records import MessagesRecord, Page, TextRecord
from workers.contract.spec import Spec
from workers.contract.specs.ingest import Isolation
from workers.contract.specs.run import ErrorName, ErrorValue
from workers.engines.ingest.parsers.registry import PackedBytes, PackedFile
from workers.engines.ingest.reading import Description, Drawn, ToConvert

MESSAGE_LENGTH = 2000
PARAM_LENGTH = 200


class Unavailable(Spec):
    """This machine offers no sandbox of the kind that was asked for."""

    reason: str


class Ready(Spec):
    """Every layer that the machine offers is applied, and nothing of the file has been read."""

    isolation: Isolation
    uid: int
    landlock: bool
    seccomp: bool


class Progress(Spec):
    done: int
    total: int


class Refused(Spec):
    """The file is the cause: a UserError."""

    code: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    message: str = Field(max_length=MESSAGE_LENGTH)
    param: str | None = Field(max_length=PARAM_LENGTH)
    values: dict[ErrorName, ErrorValue] = Field(max_length=20)


class Failed(Spec):
    """The parser has an error: its type, and where it was raised. Its text might quote the document."""

    error: str = Field(max_length=200)
    places: tuple[str, ...] = Field(max_length=200)


Message = (
    Unavailable
    | Ready
    | Progress
    | Page
    | MessagesRecord
    | TextRecord
    | PackedFile
    | PackedBytes
    | Description
    | ToConvert
    | Drawn
    | Refused
    | Failed
)
_KINDS: dict[bytes, type[Message]] = {kind.__name__.encode(): kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    return f"{type(message).__name__} {message.model_dump_json()}\n".encode()


def decode(line: bytes) -> Message:
    """Raises ValueError."""
    name, _, content = line.partition(b" ")
    if name not in _KINDS:
        raise ValueError("a message of an unknown kind")
    return _KINDS[name].model_validate_json(content)
