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
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import is_person, is_region
from workers.engines.shared.personal.words import is_kana_surname, is_surname, kinds

_OF_PEOPLE = "様|さん|氏|くん|先生|部長|課長|次長|係長|主任|主査|室長|医師|弁護士|社長|会長|専務|常務"
"""Titles of people, before which a place is a person."""
_PLAIN = ("さん", "様", "氏", "殿", "くん", "ちゃん", "君")
"""Titles of anyone, also after a given name."""
_OF_CHILDREN = ("くん", "ちゃん")
_RUN = re.compile(rf"(?:[{IDEOGRAPHS}ヶケノツ]{{1,10}}|[ァ-ヶー]{{2,12}}|[ぁ-ん]{{2,12}})$")
_OF_DEPARTMENT = re.compile(
    rf"(?P<name>[{IDEOGRAPHS}]{{2,4}}?)(?P<department>[{IDEOGRAPHS}]{{2,6}})(?P<post>部長|次長|課長|室長|係長|局長|本部長)"
)
"""奥寺内部監査室長: the department stands between the name and the post."""
_SEAL = re.compile(rf"(?<![{IDEOGRAPHS}])(?P<name>[{IDEOGRAPHS}]{{2,4}})印(?=[がのはをも、。)])")
_LETTERS_BEFORE = re.compile(f"[{IDEOGRAPHS}]{{1,5}}$")
_WINDOW = 12


def titled(text: str) -> Iterator[Place]:
    for match in TITLE.finditer(text):
        window = text[max(0, match.start() - _WINDOW) : match.start()]
        run = _RUN.search(window)
        if run and (name := _called(window[: run.start()], run[0], match[0])):
            yield match.start() - len(name), match.start()
    for match in _OF_DEPARTMENT.finditer(text):
        length = _name_before_department(match["name"] + match["department"])
        if length and not (match.start() and _is_word(text[match.start() - 1])):
            yield match.start(), match.start() + length
    for match in _SEAL.finditer(text):
        if kinds(match["name"]).surname and not kinds(match["name"]).common:
            yield match.span("name")


def _is_word(letter: str) -> bool:
    return re.match(f"[{IDEOGRAPHS}ァ-ヶーA-Za-z]", letter) is not None


@lru_cache(maxsize=20_000)
def _name_before_department(letters: str) -> int:
    """The length of a family name before the name of a department: 小田桐法務, 利根川総務."""
    for length in (4, 3, 2):
        name, department = letters[:length], letters[length:]
        of_name = kinds(name)
        # 東京総務部長 is the head of a place.
        if of_name.surname and not of_name.common and not is_region(name) and _is_department(department):
            return length
    return 0


def _is_department(word: str) -> bool:
    return any(
        kinds(word[:length]).common and not kinds(word[:length]).is_name for length in range(2, len(word) + 1)
    )


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
        if _is_kana_name(name) and particle in ("", *"のはがをにとも、"):
            return name
    if (
        3 <= len(run) <= 5
        and not kinds(run).is_known
        and not _KIN.search(run)
        and re.search(r"(?:^|[\s、。「(:/])$", before)
    ):
        return run
    return run if title in _OF_CHILDREN and len(run) <= 4 and not kinds(run).common else ""


_KIN = re.compile(
    "たく|おかあ|おと|おに|おね|おじ|おば|みな|おく|むす|こど|だん|おま|よめ|ひと|あか|ぼう|やど|うえ|した|えら|どな|いと|はは|ちち|おい$|めい$|さん"
)
"""Of words that are no names before さん: おかあさん, みなさん, たくさん."""


def _is_kana_name(name: str) -> bool:
    of_name = kinds(name)
    return not _KIN.match(name) and (of_name.given or of_name.surname or is_kana_surname(name))


def _is_called(before: str, name: str, title: str) -> bool:
    of_name = kinds(name)
    is_place = of_name.place and len(name) > 1 and not is_region(name)
    if not (
        of_name.surname
        or (of_name.given and title in (*_PLAIN, "会長"))
        or (is_place and not of_name.common and re.fullmatch(_OF_PEOPLE, title))
    ):
        return False
    if title == "本人" and (of_name.common or len(name) == 1):
        return False
    if before and not BEFORE_NAME.search(before):
        return False
    if len(name) == 1 and (name in NO_SINGLE or re.search("[現前元新同故各全]$", before)):
        return False
    # 福島所長 is the head of a place, 八百屋さん a trade.
    if re.fullmatch(OF_PLACES, title) and (
        is_region(name) or len(name) == 1 or (of_name.place and (before or not of_name.surname))
    ):
        return False
    if of_name.surname and is_place:
        return True
    return is_person(name) and not (name.endswith("屋") and of_name.common)
