"""What differs between two short texts, phrase by phrase, for people."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

LONGEST = 4_000
"""Characters of each text that are compared; the time grows with their square."""
LONGEST_SAME = 240
KEPT_BESIDE = 80
"""Of a longer piece that is the same, so many characters stay beside each difference."""
_PHRASE = re.compile("[\u3041-\u309f]+|[\u30a0-\u30ff]+|[\u3400-\u9fff々]{1,2}|[0-9]+|[A-Za-z]+|\\s|.", re.S)


class Piece(NamedTuple):
    kind: Literal["same", "gone", "new"]
    text: str


def differences(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in their order; where one text is replaced by another, what is gone comes first."""
    old, new = _PHRASE.findall(before[:LONGEST]), _PHRASE.findall(after[:LONGEST])
    pieces: list[Piece] = []
    for operation, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation == "equal":
            pieces.append(Piece("same", "".join(old[i:j])))
            continue
        if gone := "".join(old[i:j]):
            pieces.append(Piece("gone", gone))
        if came := "".join(new[k:m]):
            pieces.append(Piece("new", came))
    if max(len(before), len(after)) > LONGEST:
        pieces.append(Piece("same", "…"))
    last = len(pieces) - 1
    return [_shortened(piece, is_first=n == 0, is_last=n == last) for n, piece in enumerate(pieces)]


def _shortened(piece: Piece, *, is_first: bool, is_last: bool) -> Piece:
    if piece.kind != "same" or len(piece.text) <= LONGEST_SAME or (is_first and is_last):
        return piece
    begin = "" if is_first else piece.text[:KEPT_BESIDE]
    end = "" if is_last else piece.text[-KEPT_BESIDE:]
    return Piece("same", f"{begin} … {end}")
