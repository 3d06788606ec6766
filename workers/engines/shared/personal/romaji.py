"""Japanese words in Latin letters (Hepburn and Kunrei) as hiragana."""

from __future__ import annotations

import re

_ROWS = {
    "": "あいうえお",
    "k": "かきくけこ",
    "g": "がぎぐげご",
    "s": "さしすせそ",
    "z": "ざじずぜぞ",
    "t": "たちつてと",
    "d": "だぢづでど",
    "n": "なにぬねの",
    "h": "はひふへほ",
    "b": "ばびぶべぼ",
    "p": "ぱぴぷぺぽ",
    "m": "まみむめも",
    "r": "らりるれろ",
}
_SYLLABLES = {
    row + vowel: kana for row, letters in _ROWS.items() for vowel, kana in zip("aiueo", letters, strict=True)
}
_SYLLABLES |= {
    "ya": "や",
    "yu": "ゆ",
    "yo": "よ",
    "wa": "わ",
    "wo": "を",
    "shi": "し",
    "chi": "ち",
    "tsu": "つ",
    "fu": "ふ",
    "ji": "じ",
}
_SYLLABLES |= {
    f"{row}y{vowel}": _ROWS[row][1] + small
    for row in "kgszjtnhbpmr"
    if row in _ROWS
    for vowel, small in zip("auo", "ゃゅょ", strict=True)
}
_SYLLABLES |= {
    f"{head}{vowel}": kana + small
    for head, kana in (("sh", "し"), ("ch", "ち"), ("j", "じ"))
    for vowel, small in zip("auo", "ゃゅょ", strict=True)
}
_PART = re.compile(
    rf"(?P<double>([kgsztdbp])(?=\2)|t(?=ch))|(?P<syllable>{'|'.join(sorted(_SYLLABLES, key=len, reverse=True))})|(?P<n>n(?![aiueoy])|m(?=[bpm]))"
)


def hiragana(word: str) -> str:
    """The word in hiragana; empty if it cannot be read as Japanese."""
    word = re.sub("oh(?![aiueo])", "ou", word.lower())
    kana, position = "", 0
    while match := _PART.match(word, position):
        kana += "っ" if match["double"] else "ん" if match["n"] else _SYLLABLES[match["syllable"]]
        position = match.end()
    return kana if position == len(word) else ""
