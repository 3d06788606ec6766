"""Names before a title: 渡邊様, 滝部長, ソムチャイさん, みつるくん."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from workers.engines.shared.personal.name_parts import (
    BEFORE_NAME,
    IDEOGRAPHS,
    NO_SINGLE,
    OF_PLACES,
    TITLE,
    cut,
)
from workers.engines.shared.personal.names import is_person
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.words import is_surname, kinds

_PLAIN = ("さん", "様", "氏", "殿", "くん", "ちゃん", "君")
"""Titles of anyone, also after a given name."""
_OF_CHILDREN = ("くん", "ちゃん")
_RUN = re.compile(rf"(?:[{IDEOGRAPHS}ヶケノツ]{{1,10}}|[ァ-ヶー]{{2,12}}|[ぁ-ん]{{2,12}})$")
_LETTERS_BEFORE = re.compile(f"[{IDEOGRAPHS}]{{1,5}}$")
_WINDOW = 12


def titled(text: str) -> Iterator[Place]:
    for match in TITLE.finditer(text):
        window = text[max(0, match.start() - _WINDOW) : match.start()]
        run = _RUN.search(window)
        if run and (name := _called(window[: run.start()], run[0], match[0])):
            yield match.start() - len(name), match.start()


@lru_cache(maxsize=20_000)
def _called(before: str, run: str, title: str) -> str:
    """The name at the end of the letters before a title."""
    if re.match("[ァ-ヶーぁ-ん]", run):
        family = _family_before(before, run) if title in _PLAIN else ""
        return family + run if family else _called_in_kana(before, run, title)
    if title in _OF_CHILDREN and len(run) <= 3 and not kinds(run).is_known:
        return run
    starts = range(max(0, len(run) - 5), len(run))
    return next((run[start:] for start in starts if _is_called(run[:start], run[start:], title)), "")


def _family_before(letters: str, given: str) -> str:
    """The family name that ends the letters before a given name in kana: 菊地ゆうと君."""
    run = _LETTERS_BEFORE.search(letters)
    if run is None or len(given) > 5:
        return ""
    name, of_given = run[0][cut(run[0]) :], kinds(given)
    return name if len(name) > 1 and is_surname(name) and (of_given.given or not of_given.is_known) else ""


def _called_in_kana(before: str, run: str, title: str) -> str:
    if title not in _PLAIN:
        return ""
    if re.match("[ァ-ヶー]", run):
        is_end = re.search(f"[{IDEOGRAPHS}A-Za-z・]$", before) is not None
        return run if not is_end and (kinds(run).is_name or not kinds(run).is_known) else ""
    for length in range(min(5, len(run)), 1, -1):
        name, particle = run[-length:], run[:-length][-1:]
        if kinds(name).given and not kinds(name).common and particle in ("", *"のはがをにとも"):
            return name
    return run if title in _OF_CHILDREN and len(run) <= 4 and not kinds(run).common else ""


def _is_called(before: str, name: str, title: str) -> bool:
    of_name = kinds(name)
    if not (of_name.surname or (of_name.given and title in (*_PLAIN, "会長"))):
        return False
    if before and not BEFORE_NAME.search(before):
        return False
    if len(name) == 1 and (name in NO_SINGLE or re.search("[現前元新同故各全]$", before)):
        return False
    # 福島所長 is the head of a place, 八百屋さん a trade.
    if re.fullmatch(OF_PLACES, title) and (of_name.place or len(name) == 1):
        return False
    return is_person(name) and not (name.endswith("屋") and of_name.common)
