"""Pseudonyms: the same text of a kind is the same pseudonym, and without the organization's key nobody can tell whose it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable

from workers.contract.personal_data import TOKENS, PersonalDataKind, token_of

LETTERS = 8
"""40 bits: among a million people two have the same one with a probability of a third."""


def pseudonymizer(key: bytes) -> Callable[[PersonalDataKind, str], str]:
    """What makes 〔氏名-k3f7q2mz〕 of a name. Blanks, marks, width and case do not count. A secret has no pseudonym: one could
    be guessed at."""

    def pseudonym(kind: PersonalDataKind, text: str) -> str:
        if kind == "secret":
            return token_of(kind, text)
        folded = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
        digest = hmac.new(key, f"{kind}\n{folded}".encode(), hashlib.sha256).digest()
        letters = base64.b32encode(digest).decode().lower()[:LETTERS]
        return f"{TOKENS[kind][:-1]}-{letters}〕"

    return pseudonym
