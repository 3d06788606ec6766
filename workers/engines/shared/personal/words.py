"""What the dictionary of words knows: whether a word is a family name, a given name, a place or something else.

The dictionary (SudachiDict core) is a file that processes share in memory; it is opened when a text first asks for it.
"""

from __future__ import annotations

import re
import threading
from functools import cache, lru_cache
from typing import NamedTuple

from sudachipy import Dictionary, SplitMode, Tokenizer

from workers.engines.shared.personal.surnames import SURNAMES

# The dictionary has most names in one form of their ideographs only. Each letter has one letter in its place.
_FOLDED = str.maketrans(
    "髙﨑濵濱邉邊𠮷齋齊斎澤廣櫻嶋嶌瀨德惠國龍冨眞桒栁𣘺舘埜淸靑榮實壽彌萬條藏圓豐禮會與",
    "高崎浜浜辺辺吉斉斉斉沢広桜島島瀬徳恵国竜富真桑柳橋館野清青栄実寿弥万条蔵円豊礼会与",
)
_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(ord("ァ"), ord("ヶ") + 1)}
_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_LONGEST = 4_000
"""Characters read at once: the dictionary takes at most 49,149 bytes."""
_thread = threading.local()


class Word(NamedTuple):
    start: int
    end: int
    is_noun: bool
    is_surname: bool
    is_given: bool


class Kinds(NamedTuple):
    """What a word may be; nothing of it if the dictionary does not have it."""

    surname: bool = False
    given: bool = False
    person: bool = False
    """A name of another language, or of one person."""
    place: bool = False
    common: bool = False

    @property
    def is_name(self) -> bool:
        return self.surname or self.given or self.person

    @property
    def is_known(self) -> bool:
        return any(self)


@cache
def _dictionary() -> Dictionary:
    return Dictionary()


def _tokenizer() -> Tokenizer:
    """A tokenizer cannot be used by two threads at once."""
    if not hasattr(_thread, "tokenizer"):
        _thread.tokenizer = _dictionary().tokenizer(mode=SplitMode.C)
    return _thread.tokenizer


def folded(text: str) -> str:
    """With the common form of each ideograph, in the same length."""
    return text.translate(_FOLDED)


@lru_cache(maxsize=20_000)
def kinds(word: str) -> Kinds:
    found = {"surname": False, "given": False, "person": False, "place": False, "common": False}
    for entry in _dictionary().lookup(folded(_SELECTOR.sub("", word))):
        _, group, of_group, detail = entry.part_of_speech()[:4]
        if of_group == "人名":
            found[{"姓": "surname", "名": "given"}.get(detail, "person")] = True
        elif of_group == "地名":
            found["place"] = True
        elif group != "固有名詞":
            found["common"] = True
    return Kinds(**found)


def is_surname(word: str) -> bool:
    return kinds(word).surname


@cache
def _kana_surnames() -> frozenset[str]:
    """How frequent family names are read, in hiragana."""
    return frozenset(
        entry.reading_form().translate(_HIRAGANA)
        for name in SURNAMES
        for entry in _dictionary().lookup(folded(name))
        if entry.part_of_speech()[3] == "姓"
    )


def is_kana_surname(word: str) -> bool:
    """きたむら, キタムラ."""
    return word.translate(_HIRAGANA) in _kana_surnames()


def is_common(word: str) -> bool:
    """A word of the language and no name."""
    of_word = kinds(word)
    return of_word.common and not of_word.is_name


def words(text: str, position: int = 0) -> list[Word]:
    """The words of the text, which begins at this position, in their order."""
    found: list[Word] = []
    for line in folded(text).splitlines(keepends=True):
        for start in range(0, len(line), _LONGEST):
            for morpheme in _tokenizer().tokenize(line[start : start + _LONGEST]):
                part, _, of_group, detail = morpheme.part_of_speech()[:4]
                begin = position + start + morpheme.begin()
                end = position + start + morpheme.end()
                is_person = of_group == "人名"
                is_noun = part in ("名詞", "接尾辞", "接頭辞", "形状詞")
                found.append(
                    Word(begin, end, is_noun, is_person and detail == "姓", is_person and detail == "名")
                )
        position += len(line)
    return found


@lru_cache(maxsize=20_000)
def is_first_a_name(word: str) -> bool:
    """Whether the dictionary takes the word for a family name where nothing stands beside it: 明智, and not 当番."""
    return [(found.is_surname, found.end) for found in words(word)] == [(True, len(word))]
