"""Bank accounts: a type of account with its number, and the symbol and number of the postal bank."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.lines import lines_with
from workers.engines.shared.personal.numbers import DASH, Place

_TYPE = r"(?:(?:普通|当座|貯蓄|総合|定期|積立|納税準備|外貨普通)(?:預金|口座)*|\(?(?:普|当|貯)\)|(?<![一-龥])[普当貯](?=[ :.]?[0-9]{7}(?![0-9]))|(?i:ordinary|savings|checking|current)(?: (?i:account|a/c))?(?=[ :#]))"
_ACCOUNT = re.compile(
    rf"(?:(?P<label>(?:口座|預金|通帳)番号|(?<![一-龥])口座(?=[: ]{{1,2}}[0-9])|口座(?=[^0-9A-Za-z\n。]{{0,3}}[0-9]{{7}}(?![0-9]))|(?<![A-Za-z])(?i:a/c|acct?|(?:bank_?)?account|kou?za)[ _]?(?i:number|num|no|bango|bangou)?)|{_TYPE})(?P<between>[^0-9A-Za-z\n。]{{0,8}}\n?(?:番号)?[はの:) ]{{0,3}}(?:No\.? ?)?)"
    rf"(?P<number>[0-9](?:{DASH}?[0-9]){{5,7}}|[0-9](?: [0-9]){{6}})(?![0-9A-Za-z]|{DASH}[0-9])"
)
# The account of a postal transfer.
_TRANSFER = re.compile(r"(?<![0-9A-Za-z-])0[0-9]{4}-[0-9]-[0-9]{1,6}(?![0-9A-Za-z-])")
# After a branch, and before the type: 葦辺銀行本町支店 1234567, 1234567(普通).
_AFTER_BRANCH = re.compile(
    r"(?:支店|本店|出張所|営業部|銀行|信金|信用金庫|信組|信用組合|農協|労金)[ のへ:]{0,2}(?:No\.?|#)? ?(?P<number>[0-9]{7})(?![0-9A-Za-z-])"
    r"|(?<![0-9A-Za-z-])(?P<before>[0-9]{7} ?\((?:普通|当座|貯蓄|普|当)(?:預金)?\))(?! ?[0-9一-龥])"
)
_TRANSFER_WORD = re.compile("振替|郵便|ゆうちょ|加入者|払込")
_TYPED = re.compile(r"type ?[=:] ?[1249] account ?[=:] ?[0-9]{6,8}(?![0-9])")
_POSTAL = re.compile(
    r"(?P<label>記号)?(?(label)[は: ]{0,3}|(?<![0-9A-Za-z-]))1[0-9]{4}(?:(?(label)[^0-9\n]{1,6}|(?:-| (?=[0-9]{7,8}(?![0-9]))))|-?[0-9]?-)"
    r"(?(label)(?:番号)?)[は: ]{0,3}[0-9]{6,8}(?![0-9A-Za-z-])"
)
_BANK = re.compile(
    r"銀行|信用金庫|信金|信用組合|信組|労金|農協|漁協|支店|本店|出張所|口座|振込|振替|預金|通帳|名義|送金|入金|引落|ゆうちょ|bank|account|payee",
    re.I,
)
_POSTAL_BANK = re.compile("ゆうちょ|郵便局|貯金|記号|口座")
_CONTEXT = 300
"""Characters before it, so that the title of a list is among them."""


_WORDS = [
    "口座",
    "預金",
    "通帳",
    "普通",
    "当座",
    "貯蓄",
    "総合",
    "定期",
    "積立",
    "納税",
    "外貨",
    "普",
    "当",
    "貯",
    "account",
    "acct",
    "a/c",
    "koza",
    "kouza",
    "ordinary",
    "savings",
    "checking",
    "current",
]
_BRANCHES = [
    "支店",
    "本店",
    "出張所",
    "営業部",
    "銀行",
    "信金",
    "信用",
    "信組",
    "農協",
    "労金",
    "普",
    "当",
    "貯蓄",
]


def accounts(text: str) -> Iterator[Place]:
    lowered = text.lower()
    for start, end in lines_with(_WORDS, lowered, text):
        yield from _typed(text, start, end)
    for start, end in lines_with(_BRANCHES, lowered, text):
        for match in _AFTER_BRANCH.finditer(text, start, end):
            yield match.span("number" if match["number"] else "before")
    yield from (match.span() for match in _TYPED.finditer(text))
    if any(word in text for word in ("ゆうちょ", "郵便局", "貯金", "記号", "口座")):
        for match in _POSTAL.finditer(text):
            if match["label"] or _POSTAL_BANK.search(text[max(0, match.start() - _CONTEXT) : match.start()]):
                yield match.span()
    for match in _TRANSFER.finditer(text):
        if _TRANSFER_WORD.search(text[max(0, match.start() - _CONTEXT) : match.end() + 20]):
            yield match.span()


def _typed(text: str, start: int, end: int) -> Iterator[Place]:
    """Numbers after their type or a word for an account; the number may stand in the line after it."""
    following = text.find("\n", end)
    for match in _ACCOUNT.finditer(text, start, len(text) if following < 0 else following):
        around = (
            text[max(0, match.start() - _CONTEXT) : match.start()]
            + " "
            + text[match.end() : match.end() + 30]
        )
        is_called = match["label"] or "預金" in match[0] or "口座" in match[0]
        if is_called or _BANK.search(around):
            kind = re.search(_TYPE, match["between"])
            first = match.start("between") + kind.start() if kind else match.start("number")
            yield (first if match["label"] else match.start()), match.end()
