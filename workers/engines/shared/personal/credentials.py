"""Secrets: private keys, tokens of known services, and what stands after a word for a password or a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,20000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
)
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{20,}|sk_(?:live|test)_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{30,}"
    r"|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abeprs]-[A-Za-z0-9-]{20,}"
    r"|AIza[A-Za-z0-9_-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*)"
)
_BEARER = re.compile(r"(?:Bearer|Basic) +([A-Za-z0-9._~+/=-]{16,})")
_IN_ADDRESS = re.compile(r"://[^\s:/@]{0,64}:([^\s@/]{3,200})@")
_ASSIGNED = re.compile(
    r"(?P<word>pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?(?:access)?[_-]?key)?|(?:api|access|private|auth|encryption)[ _-]?key"
    r"|(?:(?:access|auth|api|bot|refresh|bearer)[_-]?)?token|client[_-]secret|credentials?)(?![A-Za-z0-9])"
    r"[\"']?(?:\)|\])? ?(?:=>|:=|[:=]) ?(?P<quote>[\"'`]?)(?P<value>[!-~]{4,200})",
    re.I,
)
_JAPANESE = re.compile(
    r"(?:パスワード|暗証番号|暗証|apiキー|アクセスキー|シークレットキー|秘密鍵|認証キー|トークン|パスフレーズ|PIN)"
    r"(?:\([^()\n]{0,12}\))?(?P<mark> ?[:=は] ?| )(?P<quote>[\"'`「『]?)(?P<value>[!-~]{4,200})",
    re.I,
)
_WORDS = ("pass", "pwd", "secret", "key", "token", "credential")
_JAPANESE_WORDS = ("パス", "暗証", "キー", "鍵", "トークン", "pin")
_END = re.compile(r"[\"'`,;)\]}>]+$")
_PLACEHOLDER = re.compile(
    r"[$<{%*(\[]|(?:x{4,}|\.{3,}|-{3,}|_{3,})|(?:os\.|process\.env|env\.|getenv|settings\.|config\.|self\.|None\b|null\b|true\b|false\b)",
    re.I,
)
_PLAIN_WORD = re.compile(
    r"(?:string|str|text|bytes|required|optional|bool|int|password|passwd|secret|token|input|field|hidden|varchar)",
    re.I,
)


def secrets(text: str) -> Iterator[Place]:
    lowered = text.lower()
    if "-----BEGIN" in text:
        yield from (match.span() for match in _PRIVATE_KEY.finditer(text))
    yield from (match.span() for match in _KNOWN.finditer(text))
    if "Bearer" in text or "Basic" in text:
        yield from (match.span(1) for match in _BEARER.finditer(text) if re.search("[0-9]", match[1]))
    if "://" in text:
        yield from (
            match.span(1)
            for match in _IN_ADDRESS.finditer(text)
            if not (_PLACEHOLDER.match(match[1]) or _PLAIN_WORD.fullmatch(match[1]))
        )
    for words, pattern in ((_WORDS, _ASSIGNED), (_JAPANESE_WORDS, _JAPANESE)):
        if any(word in lowered for word in words):
            yield from filter(None, map(_assigned, pattern.finditer(text)))


def _assigned(match: re.Match[str]) -> Place | None:
    value, quote = match["value"], match["quote"]
    if quote and (cut := re.search("[\"'`」』]", value)):
        value = value[: cut.start()]
    else:
        value = _END.sub("", re.split(r"[&\s\"',;]", value, maxsplit=1)[0])
    start = match.start("value")
    return (start, start + len(value)) if _is_secret(match, value, bool(quote)) else None


def _is_secret(match: re.Match[str], value: str, is_quoted: bool) -> bool:
    """Not the name of a variable, a type, or a place for a value."""
    if len(value) < 4 or _PLACEHOLDER.match(value) or _PLAIN_WORD.fullmatch(value):
        return False
    has_digit, has_letter = re.search("[0-9]", value), re.search("[A-Za-z]", value)
    named = match.groupdict().get("word", "").lower()
    if named and not named.startswith(("pass", "pwd")):
        # token=1024 counts tokens, and key: value is not always a secret.
        return len(value) >= 8 and bool(has_letter) and (bool(has_digit) or len(value) >= 20)
    if not is_quoted and ("(" in value or re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", value)):
        return False
    if named and not is_quoted and value.isalpha() and "=" not in match[0]:
        # A sentence: "to pass: another rule".
        end = match.start("value") + len(value)
        ends = match.string[end : end + 1] in ("", "\n")
        return ends and named.startswith("password")
    if match.groupdict().get("mark", "") == " ":
        return len(value) >= 6 and bool(has_letter and has_digit)
    return True
