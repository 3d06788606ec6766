"""The records of a dataset version in the order of what they say, so that two versions are compared without reading their texts.

`records.index` holds a row of fixed size for each line of `records.jsonl`, sorted. Rows of two versions with one `content`
say the same; rows of one document that share most of their `features` are two wordings of one text.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import IO, Any, NamedTuple
from zlib import crc32

INDEX_FILE = "records.index"
FEATURES = 8
_ROW = Struct(f">16s8sBQ{FEATURES}I")
ROW_BYTES = _ROW.size
CONTENT_BYTES = 16
_SORTED_AT_ONCE = 50_000
_READ_AT_ONCE = 4_096
_SHORT = 80
# Where a phrase of Japanese ends: after hiragana before anything else; and at every mark, blank and end of a line.
_PHRASE = re.compile("[^\\W\u3041-\u309f]*[\u3041-\u309f]+|[^\\W\u3041-\u309f]+")


class Row(NamedTuple):
    content: bytes
    """See `content_digest`."""
    document: bytes
    """sha256 (first 8 bytes) of `origin_key`."""
    is_heldout: int
    offset: int
    """Of its line in `records.jsonl`, in bytes."""
    features: tuple[int, ...]
    """Up to eight numbers drawn from its phrases, alike for texts that are alike."""


def row_of(packed: bytes) -> Row:
    content, document, is_heldout, offset, *features = _ROW.unpack(packed)
    return Row(content, document, is_heldout, offset, tuple(filter(None, features)))


def content_of(record: Mapping[str, Any]) -> str:
    """All that a record (a line of `records.jsonl` as JSON) says, for people.

    The passage that supports a pair is no part of it: it is found anew for each version.
    """
    if record["type"] == "messages":
        return "\n".join(f"{message['role']}: {message['content']}" for message in record["messages"])
    if record["type"] == "pair":
        accepted = " / ".join(record.get("accepted", ()))
        return "\n".join(filter(None, (record["question"], record["answer"], accepted)))
    return str(record["text"])


def content_digest(record: Mapping[str, Any]) -> bytes:
    """sha256 (first 16 bytes) of the type and of all that the record says."""
    said = f"{record['type']}\n{content_of(record)}".encode(errors="surrogatepass")
    return hashlib.sha256(said).digest()[:CONTENT_BYTES]


def origin_key(record: Mapping[str, Any]) -> str:
    """The id of the document that a record comes from, or else of what it comes from."""
    origin = record["origin"]
    source = origin.get("source") or origin.get("span", {}).get("source")
    return str(source["document_id"] if source else origin.get("pair_id") or origin.get("dataset"))


def document_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:8]


def write_index(records: Path, index: Path, raise_if_stopped: Callable[[], None] = lambda: None) -> None:
    """Sorted on the disk: the memory that it takes does not grow with the number of records."""
    with tempfile.TemporaryFile(dir=index.parent) as sorted_parts, open(index, "wb") as target:
        sizes = []
        rows = _rows_of(records)
        while part := sorted(islice(rows, _SORTED_AT_ONCE)):
            sorted_parts.write(b"".join(part))
            sizes.append(len(part))
            raise_if_stopped()
        for row in heapq.merge(*_parts(sorted_parts, sizes)):
            target.write(row)


def read_index(index: Path) -> Iterator[bytes]:
    """The packed rows, for `row_of`."""
    with open(index, "rb") as file:
        while block := file.read(_READ_AT_ONCE * ROW_BYTES):
            for start in range(0, len(block), ROW_BYTES):
                yield block[start : start + ROW_BYTES]


def _rows_of(records: Path) -> Iterator[bytes]:
    offset = 0
    with open(records, "rb") as file:
        for line in file:
            yield _packed(json.loads(line), offset)
            offset += len(line)


def _packed(record: Mapping[str, Any], offset: int) -> bytes:
    features = _features(content_of(record))
    return _ROW.pack(
        content_digest(record),
        document_digest(origin_key(record)),
        record["split"] == "heldout",
        offset,
        *features,
        *[0] * (FEATURES - len(features)),
    )


def _features(text: str) -> list[int]:
    """The smallest checksums of its phrases: texts that share most phrases share most of these."""
    phrases = set(_PHRASE.findall(text))
    if len(text) <= _SHORT:
        phrases.update(text[start : start + 3] for start in range(len(text) - 2))
    return sorted({crc32(phrase.encode(errors="surrogatepass")) or 1 for phrase in phrases})[:FEATURES]


def _parts(file: IO[bytes], sizes: list[int]) -> Iterator[Iterator[bytes]]:
    start = 0
    for size in sizes:
        yield _part(file, start * ROW_BYTES, size)
        start += size


def _part(file: IO[bytes], start: int, rows: int) -> Iterator[bytes]:
    for first in range(0, rows, _READ_AT_ONCE):
        file.seek(start + first * ROW_BYTES)
        block = file.read(min(_READ_AT_ONCE, rows - first) * ROW_BYTES)
        yield from (block[at : at + ROW_BYTES] for at in range(0, len(block), ROW_BYTES))
