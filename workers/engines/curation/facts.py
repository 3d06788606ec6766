"""What a text states, whatever its punctuation, spelling and politeness: two texts of one key state the same.

Every number, code, name, word and negation stays in the key, in its order. In doubt two keys differ: a text that is
kept twice costs little, and a fact that is dropped is lost.
"""

from __future__ import annotations

import re

from workers.engines.shared.text import compare_key

_GROUPED = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_MARK = r"""[、。.,:;!?・…‥「」『』【】〔〕〈〉《》()\[\]{}“”‘’*_#~`]"""
_CODE = "[0-9a-z〇一二三四五六七八九十百千万]"
# Marks separate and emphasise. Between two digits or Latin letters they are a part of a number or a code.
_MARKS = re.compile(rf"(?<!{_MARK})(?:(?<!{_CODE}){_MARK}+(?!{_MARK})|{_MARK}+(?!{_CODE}|{_MARK}))")
_VARIANTS = {
    "及び": "および",
    "並びに": "ならびに",
    "又は": "または",
    "若しくは": "もしくは",
    "但し": "ただし",
    "下さい": "ください",
    "頂き": "いただき",
    "頂く": "いただく",
    "致します": "する",
    "いたします": "する",
    "します": "する",
    "出来": "でき",
    "できます": "できる",
    "あります": "ある",
    "なります": "なる",
    "られます": "られる",
    "でございます": "だ",
    "であります": "だ",
    "である": "だ",
    "です": "だ",
}
_SPELLINGS = re.compile("|".join(sorted(_VARIANTS, key=len, reverse=True)))
_MONTHS = re.compile(r"(?<=[0-9一二三四五六七八九十])[ヶケヵカか](?=[月所国])")
_BETWEEN_NUMBERS = re.compile(r"(?<=[0-9])\s+(?=[0-9])")
_INDENT = re.compile(r"(?m)^[ \t]+(?=\S)")


def facts_key(text: str) -> str:
    """Equal for two texts that state the same."""
    key = _GROUPED.sub("", words_key(text))
    key = _SPELLINGS.sub(lambda match: _VARIANTS[match[0]], key)
    return _MARKS.sub("", _MONTHS.sub("か", key))


def words_key(text: str) -> str:
    """Equal for two texts that differ only in spaces and case.

    A space between two numbers counts, and so does the indentation of code and YAML.
    """
    indents = [str(len(match[0])) for match in _INDENT.finditer(text)]
    return compare_key(_BETWEEN_NUMBERS.sub("|", text)) + "|".join(["", *indents])
