"""Bank accounts: a type of account with its number, and the symbol and number of the postal bank."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import DASH, Place

_TYPE = r"(?:(?:普通|当座|貯蓄|総合)(?:預金|口座)*|\(?(?:普|当|貯)\))"
_ACCOUNT = re.compile(
    rf"(?:(?P<label>(?:口座|預金|通帳)番号|(?<=[^一-龥])口座(?=[: ]{{1,2}}[0-9])|account[ _]?(?:number|no)?)|{_TYPE})(?P<between>[^0-9A-Za-z\n。、]{{0,8}}(?:番号)?[はの:) ]{{0,3}}(?:No\.? ?)?)"
    rf"(?P<number>[0-9](?:{DASH}?[0-9]){{5,7}})(?![0-9A-Za-z]|{DASH}[0-9])"
)
_TYPED = re.compile(r"type ?[=:] ?[1249] account ?[=:] ?[0-9]{6,8}(?![0-9])")
_POSTAL = re.compile(
    r"(?P<label>記号)?(?(label)[は: ]{0,3}|(?<![0-9A-Za-z-]))1[0-9]{4}(?:(?(label)[^0-9\n]{1,6}|-)|-?[0-9]?-)"
    r"(?(label)(?:番号)?)[は: ]{0,3}[0-9]{6,8}(?![0-9A-Za-z-])"
)
_BANK = re.compile(
    r"銀行|信用金庫|信金|信用組合|信組|労金|農協|漁協|支店|本店|出張所|口座|振込|振替|預金|通帳|名義|送金|入金|引落|ゆうちょ|bank|account|payee",
    re.I,
)
_POSTAL_BANK = re.compile("ゆうちょ|郵便局|貯金|記号|口座")
_CONTEXT = 300
"""Characters before it, so that the title of a list is among them."""


def accounts(text: str) -> Iterator[Place]:
    if not any(
        word in text
        for word in (
            "座",
            "普通",
            "貯蓄",
            "記号",
            "ゆうちょ",
            "account",
            "預金",
            "総合",
            "通帳",
            "普)",
            "当)",
        )
    ):
        return
    for match in _ACCOUNT.finditer(text):
        around = (
            text[max(0, match.start() - _CONTEXT) : match.start()] + " " + text[match.end() : match.end() + 8]
        )
        is_called = match["label"] or "預金" in match[0] or "口座" in match[0]
        if is_called or _BANK.search(around):
            kind = re.search(_TYPE, match["between"])
            start = match.start("between") + kind.start() if kind else match.start("number")
            yield (start if match["label"] else match.start()), match.end()
    yield from (match.span() for match in _TYPED.finditer(text))
    for match in _POSTAL.finditer(text):
        before = text[max(0, match.start() - _CONTEXT) : match.start()]
        if match["label"] or _POSTAL_BANK.search(before):
            yield match.span()
