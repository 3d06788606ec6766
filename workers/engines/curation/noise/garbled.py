"""Text that was read in a wrong encoding, with a wrong map of characters, or badly recognized in a picture.

Each rule knows the trace of one wrong reading. It looks for what no text in any language has, not for rare characters:
old kanji, names and formulas are rare, too.
"""

from __future__ import annotations

import re
import unicodedata

_SUSPECT = re.compile(
    "[縺繧繝\ufffd?%&\\\\=<$\u0080-\u02ff\u0500-\u1fff]|\\(cid|ソス|u\\+|\\+[A-Za-z0-9/]{4}"
)
LEAST_SHARE = 0.08
"""Of the characters: a text with so many traces is not readable, even if some of its lines are."""

# Kana in UTF-8 begin with the bytes E3 81, E3 82, E3 83, which are these three in CP932. No Japanese text has them.
_UTF8_AS_CP932 = re.compile("[縺繧繝]")
# Kanji in UTF-8 begin with E4 to E9, in CP932 the second half of its rare kanji. Even old texts have few of them.
_SECOND_HALF = re.compile(
    "["
    + "".join(
        bytes((lead, trail)).decode("cp932", "ignore")
        for lead in range(0xE4, 0xEA)
        for trail in range(0x40, 0xFD)
    )
    + "]"
)
_KANJI = re.compile("[\u3400-\u9fff]")
_HIRAGANA = re.compile("[ぁ-ゖ]")
# EUC-JP in CP932 is half-width kana and marks in any order.
_MARK_BEFORE_KANA = re.compile("[。「」、・][ァ-ヴ・ー゙゚]|[゙゚]")
_END_BEFORE_KANA = re.compile("[。「」][ァ-ヴ・。「」゙゚]")
# Bytes of Japanese encodings as letters and signs of Western European ones. Units and operators are not among them.
_WESTERN = re.compile(
    "[\u00a1\u00a2\u00a4\u00a6\u00a8\u00aa\u00ac\u00ad\u00af\u00b4\u00b6\u00b8-\u00bf\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff"
    "\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u2020\u2021\u2030\u2039\u203a]"
)
_VIETNAMESE = re.compile("[\u1ea0-\u1ef9ơưđ]")
_WESTERN_SHARE, _RARE_SHARE, _MARK_SHARE, _HIRAGANA_SHARE = 0.15, 0.5, 0.08, 0.1
# ISO-2022-JP without its escape characters.
_JIS_ESCAPES = re.compile(r"\$[B@][!-~ ]{2,}?\([BJ]")
# Characters that were written as their numbers: URL, HTML, JSON, quoted-printable, PDF.
_NUMBERED = re.compile(
    r"(?:%[0-9A-F]{2}){2,}|(?:&#x?[0-9a-f]{2,6};){2,}|(?:\\u[0-9a-f]{4}){2,}|(?:=[0-9A-F]{2}){3,}=?|\(cid:[0-9]+\)|(?:\\x[0-9a-f]{2}){2,}"
    r"|(?:<[0-9a-f]{2}>){2,}|\+[A-Za-z0-9/]{4,}-|(?:\\[0-7]{3}){2,}|=\?[\w-]+\?[bq]\?[^?]*\?=|(?:u\+[0-9a-f]{4,5} ?){2,}",
    re.I,
)
_LOST = re.compile("\ufffd|\\?{3,}|(?<![\\w?])\\?{2}(?!\\?)|ソス")
_USUAL_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "HIRAGANA", "KATAKANA", "CJK", "HANGUL", "FULLWIDTH")
_UNUSUAL = re.compile(
    r"[^\W\d_\u0000-\u04ff\u3000-\u9fff\uac00-\ud7af\uf900-\ufaff\u1e00-\u1eff\U00020000-\U0003ffff]"
)
_SCRIPTS = 3
"""A text in one foreign script is a language; letters of as many scripts are a wrong map."""
# Digits in the place of letters, as recognition confuses them: n0t, l1able, a5.
_CONFUSED = re.compile(
    r"\b[a-z]+[0135]+[a-z]+\b|\b[a-z]{2,}[01]\b|\bt[l1]{1,2}[ei]\b|\b[a-z]+rn[pny][a-z]+\b"
)
# Letters that do not stand side by side: a small vowel after a kanji, one katakana among hiragana (but items: のイに),
# loose voicing marks, letters of a keyboard whose input method was off.
_IMPOSSIBLE = re.compile(
    "[\u4e00-\u9fff々][ぁぃぅぇぉゎ]|[ぁ-ん][ァ-ヴ](?<![イロハニホヘトアウエオ])[ぁ-ん]|[ぁ-んァ-ヶ][゛゜゙゚]|(?<![ァ-ヶヽー])ヽ|[ぁ-ん][a-z](?=[ぁ-ん])|(?<=[a-z])[ぁ-ん](?=[a-z])"
)
_IMPOSSIBLE_TIMES, _IMPOSSIBLE_EACH = 2, 30
# Keys pressed at random: small letters without a vowel.
_MASHED = re.compile(
    r"\b(?!https?\b|html?\b)[bcdfghjklmnpqrstvwxz]{4,}\b|\b([a-z]{2})\1{2,}\b|\b(?:asdf|qwer|zxcv|hjkl|jkl;)\w*"
)
_SINGLE = re.compile(r"(?<!\S)[^\W\d_](?!\S)")
_LATIN_WORD = re.compile(r"\b[A-Za-z0-9]{2,}\b")


def is_garbled(text: str) -> bool:
    """Whether at least `LEAST_SHARE` of the text are traces of a wrong reading."""
    if _is_ordinary(text):
        return _is_badly_recognized(text)
    letters = max(1, len(text) - text.count(" ") - text.count("\n"))
    traces = (
        2 * len(_UTF8_AS_CP932.findall(text))
        + _matched(_JIS_ESCAPES, text)
        + _matched(_LOST, text)
        + _matched(_NUMBERED, text)
    )
    if traces >= LEAST_SHARE * letters:
        return True
    if text.isascii():
        return _is_badly_recognized(text)
    return (
        _is_western(text)
        or _is_without_hiragana(text, letters)
        or _has_many_scripts(text, letters)
        or _is_badly_recognized(text)
    )


def _is_ordinary(text: str) -> bool:
    """Quick: hiragana as in all Japanese prose, and no character that the traces begin with."""
    return not _SUSPECT.search(text) and len(_HIRAGANA.findall(text)) >= 2 * _HIRAGANA_SHARE * len(text)


def _matched(pattern: re.Pattern[str], text: str) -> int:
    return sum(len(match[0]) for match in pattern.finditer(text))


def _is_western(text: str) -> bool:
    found = len(_WESTERN.findall(text))
    return (
        found >= 4 and found >= _WESTERN_SHARE * sum(map(str.isalpha, text)) and not _VIETNAMESE.search(text)
    )


def _is_without_hiragana(text: str, letters: int) -> bool:
    """Japanese that has rare kanji or marks between its katakana in the place of hiragana."""
    if len(_HIRAGANA.findall(text)) >= _HIRAGANA_SHARE * letters:
        return False
    rare = len(_SECOND_HALF.findall(text))
    if rare >= 4 and rare >= _RARE_SHARE * len(_KANJI.findall(text)):
        return True
    marks, ends = len(_MARK_BEFORE_KANA.findall(text)), len(_END_BEFORE_KANA.findall(text))
    return ends >= 2 and marks >= _MARK_SHARE * letters


def _has_many_scripts(text: str, letters: int) -> bool:
    found = _UNUSUAL.findall(text)
    if len(found) < LEAST_SHARE * letters:
        return False
    scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in found}
    return len(scripts - set(_USUAL_SCRIPTS)) >= _SCRIPTS


def is_scattered(text: str) -> bool:
    """Single letters far from one another over several lines: what recognition leaves of a form or a drawing."""
    lines = text.split("\n")
    return len(lines) >= 3 and "|" not in text and len(_SINGLE.findall(text)) > 0.6 * len(text.split())


def _is_badly_recognized(text: str) -> bool:
    impossible = sum(1 for _ in _IMPOSSIBLE.finditer(text))
    if impossible >= _IMPOSSIBLE_TIMES and impossible * _IMPOSSIBLE_EACH >= len(text):
        return True
    words = len(_LATIN_WORD.findall(text))
    mashed = len(_MASHED.findall(text))
    if (mashed >= 3 and mashed >= 0.5 * words) or (mashed >= 2 and mashed == words):
        return True
    return words >= 6 and len(_CONFUSED.findall(text)) >= 0.2 * words
