"""Names of two words and more: 山田 太郎, タグチ フミ, ジョアン・シルバ, Emma Fischer; and their readings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workers.engines.shared.personal.name_parts import (
    FOREIGN_PART,
    GIVEN,
    IDEOGRAPHS,
    NO_GIVEN,
    POSTS_AFTER,
    TITLE,
    cut,
    overlapping,
)
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import is_person, is_roman_name
from workers.engines.shared.personal.words import is_common, kinds

_PAIR = re.compile(
    rf"(?<![{IDEOGRAPHS}ァ-ヶーA-Za-z])(?P<family>[{IDEOGRAPHS}][{IDEOGRAPHS}ヶケノツ]{{0,11}}) (?P<given>{GIVEN})"
)
_KANA_PAIR = re.compile(
    r"(?<![ァ-ヶーA-Za-z一-龥])(?P<name>[ァ-ヶー]{1,10}(?: [ァ-ヶー]{1,10}){1,2})(?![ァ-ヶーA-Za-z0-9])"
    r"|(?<![ぁ-んァ-ヶーA-Za-z一-龥])(?P<kana>[ぁ-ん]{2,6} [ぁ-ん]{2,6}?)(?=くん|さん|ちゃん|様|[)、\n]|$)"
)
_DOTTED = re.compile(rf"(?<![ァ-ヶー])(?:{FOREIGN_PART}・){{1,3}}{FOREIGN_PART}(?![ァ-ヶー])")
_ROMAN_WORD = r"(?:(?:O'|Mc|Mac|De|Van )?[A-Z][a-z]{1,15}|(?:O')?[A-Z]{2,15}|[A-Z]\.)"
_ROMAN = rf"{_ROMAN_WORD}(?:,? {_ROMAN_WORD}){{1,2}}"
_ROMAN_CALLED = re.compile(
    rf"(?<![A-Za-z0-9@._-])(?:{_ROMAN}|(?:O')?[A-Z][a-z]{{1,15}}|O'[A-Z][a-z]+)(?= ?(?:さん|様(?![式子々相態])|氏(?![名神族子])|先生|くん))"
)
_ROMAN_LINE = re.compile(
    rf"^ *(?:Dr\. |Mr\. |Ms\. |Mrs\. |Prof\. )?(?P<name>{_ROMAN})(?=\n(?:[^\n]*\n){{0,3}}[^\n]*〔(?:電話|メール|住所))",
    re.M,
)
_ROMAN_LABELLED = re.compile(
    rf"(?:名義|宿泊者|来訪者|応募者|氏名|[Dd]isplay_?[Nn]ame|[Ff]ull_?[Nn]ame|cardholder|CARDHOLDER|[Aa]ssignee|[Aa]uthor|[Rr]eporter|[Rr]eviewer|passenger)[\"']? ?[:=]?[ \"']{{0,2}}(?P<name>{_ROMAN})(?=[\n\"',;)]| [0-9一-龥]|$)",
    re.M,
)
_ROMAN_BEFORE_MAIL = re.compile(rf"(?<![A-Za-z0-9@._-])(?P<name>{_ROMAN}),? ?[<(,]? ?〔メール")
_ROMAN_TITLED = re.compile(
    r"(?<![A-Za-z])(?:Mr|Mrs|Ms|Dr|Prof)\.? (?P<name>[A-Z][a-z]{1,15}(?: [A-Z][a-z]{1,15})?)"
)
_ROMAN_BEFORE = re.compile(rf"(?<![A-Za-z0-9@._-])(?P<name>{_ROMAN}) ?\($")
_RELATION = re.compile("[長次二三四][男女]|父|母|妻|夫|祖[父母]|兄|弟|姉|妹|息子|娘|孫")
_IRISH = re.compile(r"(?<![A-Za-z0-9])(?P<name>(?:O'|Mc)[A-Z][A-Za-z]{2,12}(?: [A-Z][A-Za-z]{1,12})?)")
_READING = re.compile(
    rf" ?[(,|/] ?(?P<name>[ァ-ヶー]{{2,8}} [ァ-ヶー]{{2,8}}|[ぁ-ん]{{2,6}} [ぁ-ん]{{2,6}}|{_ROMAN})(?= ?[),|/\n]|$)"
)
_ERAS = frozenset(["明治", "大正", "昭和", "平成", "令和"])
_NO_KANA_GIVEN = frozenset(
    [
        "さん",
        "くん",
        "です",
        "ます",
        "から",
        "まで",
        "より",
        "こと",
        "ため",
        "など",
        "ほか",
        "あて",
        "これ",
        "それ",
        "この",
        "その",
        "または",
        "および",
        "ならび",
        "する",
        "した",
        "して",
        "いる",
        "ある",
        "なし",
        "あり",
        "なお",
        "また",
        "ただ",
        "もの",
        "とき",
        "ところ",
        "ページ",
        "ビル",
        "セル",
    ]
)


def full_names(text: str) -> set[Place]:
    return {*_pairs(text), *_kana_pairs(text), *_dotted(text), *_roman(text)}


def _pairs(text: str) -> Iterator[Place]:
    end = 0
    for match in overlapping(_PAIR, text, "given"):
        given = _given(match["given"])
        is_name = match.start() >= end and given and is_pair(match["family"], given)
        if is_name and not _is_row_of_letters(text, match, given):
            end = match.start("given") + len(given)
            yield match.start() + cut(match["family"]), end


def _given(word: str) -> str:
    """The given name at the beginning of the letters: なおみさん, 忠様."""
    if re.match("[ぁ-ん]", word):
        for length in range(len(word), 1, -1):
            rest = word[length:]
            if (not rest or re.match("さん|くん|ちゃん|[がはをにのとも]", rest)) and (
                kinds(word[:length]).given or not (kinds(word[:length]).is_known or rest)
            ):
                return word[:length]
        return word if len(word) <= 3 and word not in _NO_KANA_GIVEN else ""
    if title := POSTS_AFTER.search(word):
        word = word[: title.start()]
    return word if len(word) < 5 or re.match("[ァ-ヶー]", word) else ""


def is_pair(family: str, given: str) -> bool:
    first, second = kinds(family), kinds(given)
    if _RELATION.fullmatch(family):
        return False
    if (
        given in NO_GIVEN
        or given in _ERAS
        or (
            len(family) == 1
            and (
                family in NO_GIVEN
                or is_common(family)
                or not second.given
                or (second.common and len(given) > 1)
            )
        )
    ):
        return False
    if not first.surname and cut(family):
        first = kinds(family[cut(family) :])
    if first.surname:
        is_kana = re.match("[ァ-ヶー]", given) is not None
        return (
            second.given
            or second.person
            or (len(given) == 1 and not re.match("[0-9〇一二三四五六七八九十]", given))
            or (not second.is_known and (len(given) <= 3 or is_kana))
            or (
                re.match("[ぁ-んァ-ヶー]", given) is not None
                and len(given) <= 3
                and not second.place
                and given not in _NO_KANA_GIVEN
            )
        )
    # A family name that the dictionary lacks, before a given name that can be nothing else.
    is_only_given = not (second.common or second.surname or second.place)
    is_family = not first.common and len(family) <= 4 and is_person(family)
    return second.given and (is_only_given or not first.is_known) and is_family


def _is_row_of_letters(text: str, match: re.Match[str], given: str) -> bool:
    """東 西 南 北: single letters between blanks."""
    if len(match["family"]) > 1 or len(given) > 1:
        return False
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
    return (
        re.fullmatch(f"[{IDEOGRAPHS}] ", before) is not None
        or re.match(f" [{IDEOGRAPHS}]", after) is not None
    )


def _kana_pairs(text: str) -> Iterator[Place]:
    """タグチ フミ, おおたに みつる: two words of which the dictionary knows one as a name and none as another word."""
    for match in _KANA_PAIR.finditer(text):
        of_parts = [kinds(part) for part in match[0].split(" ")]
        names = sum(part.surname or part.given or (part.person and not part.common) for part in of_parts)
        others = sum(part.common and not part.is_name for part in of_parts)
        before = text[max(0, match.start() - 12) : match.start()]
        is_called = re.search(r"(?:名義|カナ|かな|氏名|name)[\"')]? ?[:=]?[ \"']*$", before) is not None
        after = text[match.end() : match.end() + 12]
        is_beside = re.match(r"さん|様|氏|くん|ちゃん|[ ,|]{0,3}(?:〔|[0-9]{4})", after) or re.search(
            r"[)〕,|(:\n]\s*$|^$", before
        )
        if not others and (
            is_called or TITLE.match(text, match.end()) or (names and is_beside) or names == len(of_parts) > 1
        ):
            yield match.span()


def _dotted(text: str) -> Iterator[Place]:
    """ジョアン・シルバ."""
    for match in _DOTTED.finditer(text):
        of_parts = [kinds(part) for part in match[0].split("・") if len(part) > 1]
        is_name = any(part.is_name and not (part.common or part.place) for part in of_parts)
        is_other = any((part.common or part.place) and not part.is_name for part in of_parts)
        if TITLE.match(text, match.end()) or (is_name and not is_other):
            yield match.span()


def _roman(text: str) -> Iterator[Place]:
    for match in _ROMAN_CALLED.finditer(text):
        if not re.fullmatch("[A-Z]{2,4}", match[0]):
            yield match.span()
    patterns = [_ROMAN_LABELLED, _ROMAN_TITLED]
    if "〔" in text:
        patterns += [_ROMAN_LINE, _ROMAN_BEFORE_MAIL]
    if "O'" in text or "Mc" in text:
        patterns.append(_IRISH)
    for pattern in patterns:
        yield from (match.span("name") for match in pattern.finditer(text) if is_roman_name(match["name"]))


def readings(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """小野寺 敦(おのでら あつし)."""
    for start, end in found:
        if before := _ROMAN_BEFORE.search(text[max(0, start - 40) : start]):
            yield max(0, start - 40) + before.start("name"), max(0, start - 40) + before.end("name")
        match = _READING.match(text, end)
        if match and not text[start].isascii():
            yield match.span("name")
