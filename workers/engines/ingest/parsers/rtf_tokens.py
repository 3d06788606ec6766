"""The tokens of an RTF file, and the charsets of its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)|(.)",
    re.S,
)
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_WESTERN, _DEFAULT, SYMBOLS = 0, 1, 2
_CODE_PAGES = {10000: "mac_roman", 10001: "shift_jis", 65001: "utf-8"}


@dataclass(frozen=True)
class Word:
    """`\\par` or `\\u12354`, also `\\*`."""

    name: str
    number: int | None = None


@dataclass(frozen=True)
class Text:
    """Bytes of the text, in the charset of its font."""

    content: bytes


OPEN, CLOSE = "{", "}"
Token = Word | Text | str
"""A string is OPEN or CLOSE."""


def tokens(content: bytes) -> Iterator[Token]:
    position = 0
    while match := _TOKEN.match(content, position):
        position = match.end()
        name, number, pair, symbol, brace, text, other = match.groups()
        if name is not None:
            word = Word(name.decode(), None if number is None else int(number))
            if word.name == "bin":
                position += max(word.number or 0, 0)
            else:
                yield word
        elif pair is not None:
            yield Text(bytes.fromhex(pair.decode()))
        elif symbol in (b"\\", b"{", b"}"):
            yield Text(symbol)
        elif symbol is not None:
            yield Word("par" if symbol in b"\r\n" else symbol.decode("latin-1"))
        elif brace is not None:
            yield OPEN if brace == b"{" else CLOSE
        elif text or other:
            yield Text(text or other)


def code_page(number: int | None) -> str:
    return _CODE_PAGES.get(number or 0) or f"cp{number or 1252}"


def charset_of(number: int | None, default: str) -> str | None:
    """The encoding of a font's `\\fcharset`; None for a font of symbols."""
    if number == SYMBOLS:
        return None
    return (
        "cp1252" if number == _WESTERN else _CHARSETS.get(number if number is not None else _DEFAULT, default)
    )


def decoded(content: bytes, encodings: Iterable[str]) -> str | None:
    """By the first encoding that has all the bytes; None where none has."""
    if content.isascii():
        return content.decode("ascii")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return None
