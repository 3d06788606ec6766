"""Names of people by the dictionary of words: where a word is a name and its neighbours speak of a person.

What the rules here have found is found again in the same text, where less is said of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from workers.engines.shared.personal.again import again
from workers.engines.shared.personal.full_names import full_names, is_pair, readings
from workers.engines.shared.personal.name_parts import (
    BEFORE_NAME,
    FOREIGN_PART,
    GIVEN,
    IDEOGRAPHS,
    NO_GIVEN,
    NO_SINGLE,
    RUN,
    TITLES,
    cut,
    overlapping,
)
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import ROMAN_NAME, is_person, is_roman_name
from workers.engines.shared.personal.stated import stated
from workers.engines.shared.personal.surnames import SURNAMES
from workers.engines.shared.personal.titled import titled
from workers.engines.shared.personal.told import told
from workers.engines.shared.personal.words import Word, folded, is_first_a_name, is_surname, kinds, words

_RELATION = r"(?:長男|長女|[次二三四]男|[次二三四]女|妻|夫|父|母|祖母|祖父|義[父母兄姉弟妹]|[叔伯][父母]|甥|姪|婚約者|姉|妹|兄|弟|娘|息子|孫|子|旧姓|喪主|故|亡)"
_RELATED = re.compile(
    rf"(?<![{IDEOGRAPHS}]){_RELATION}(?P<link>の|、| )(?P<name>[{IDEOGRAPHS}]{{1,4}}|[ぁ-ん]{{2,4}}|[ァ-ヶー]{{2,8}})(?=(?P<next>[がはもにをとへ、。)]|さん|様|から|より|[ (]|$))",
    re.M,
)
_ROLE = (
    r"(?:[一-龥ァ-ヶーA-Z]{0,10}(?:[長者員役係任医師主人士事]|担当|当番|進行|司会|書記|監理|監修|施工|窓口|受付|幹事|報告|記録|作成|承認|確認|起案|検印|審査|代表|営業|総務|経理|人事|広報"
    r"|[弊当御貴]社|フロント|配車|ドライバー|名札|マネー?ジャー|リーダー|レビュアー|スタッフ|オーナー|ディレクター|エンジニア|コーチ|ヘルパー|ケアマネ|デザイナー|同|課|部|室|科|班|店|宛|宛先|差出|発信|講師|司式|指導|議長|監督|名義|通訳|連絡先|引率|付添|添乗|運転|助手|参列|同?席|欠席|出席|先生|PM|PL|SE))"
)
_AFTER_ROLE = re.compile(
    rf"{_ROLE}(?:\([^()\n]{{1,8}}\))?(?P<link>:|は ?「|は|の|が|[ (]|:? ?「|(?<=[課部室係科])|(?<=[弊当御貴]社)|(?<=[支店所社部課工場]長)|(?<=フロント)|(?<=担当))[ ]?(?P<name>{RUN}|{FOREIGN_PART})(?=(?P<next>[がはをにもと、。)」,・/|:;]|より|から|だけ|まで|へ|宛|です|[ (〔<]|$))",
    re.M,
)
_INTRODUCED = re.compile(rf"(?<=の)(?P<name>{RUN})(?=です[。、\n]|と申します|でございます)")
_SPEAKER = re.compile(
    rf"^[ ]*(?:\[?[0-9]{{1,2}}:[0-9]{{2}}\]? ?)?(?P<name>{RUN}|{FOREIGN_PART}(?:・{FOREIGN_PART}){{0,2}}|[ぁ-ん]{{2,4}}) ?[:>](?!/)",
    re.M,
)
_LISTED = re.compile(
    rf"(?<![{IDEOGRAPHS}ァ-ヶー0-9])(?:{RUN}(?: (?:{GIVEN}))?)(?:さん|様)?(?:(?: ?[、・,/] ?|\n)(?:{RUN}(?: (?:{GIVEN}))?)(?:さん|様)?(?![{IDEOGRAPHS}ァ-ヶー]|(?![がはをにのともでへや])[ぁ-ん])){{1,60}}"
)
_ITEM = re.compile(rf"(?P<name>{RUN})(?: (?:{GIVEN}))?(?:さん|様)?")
_BEFORE_TOKEN = re.compile(
    rf"(?:^|[ 、。:)(\n・])(?P<name>{RUN}|[ァ-ヶー]{{2,8}})(?:様|さん|氏)? ?(?:[0-9]{{3,5}} )?[(]?〔(?:電話|カード|マイナンバー|メール|生年月日)",
    re.M,
)
_AFTER_TOKEN = re.compile(rf"〔(?:電話番号|メールアドレス)〕 ?\((?P<name>{RUN})\)")
_PARTICLE = re.compile("[がはをにともへ]|より|から|だけ|です|まで")
_PARTICLE_OR_OF = re.compile(f"{_PARTICLE.pattern}|の")
_NEXT = re.compile(
    rf"(?:{TITLES})?(?:\([^()\n]{{1,8}}\))?[、・,/と] ?(?P<name>{RUN}|{FOREIGN_PART}|{ROMAN_NAME})(?: (?:{GIVEN}))?(?=(?:{TITLES})?[、,。)\n・がはをのでに(/]|$)"
)


_PREVIOUS = re.compile(rf"(?:^|[ :、・/(])(?P<name>{RUN}|{FOREIGN_PART})[・/、]$")


_LONGEST_SENTENCE = 200


def people(text: str) -> list[Place]:
    found = {
        *full_names(text),
        *titled(text),
        *_introduced(text),
        *_related(text),
        *_after_roles(text),
        *_speakers(text),
        *_listed(text),
        *_beside_tokens(text),
        *_in_sentences(text),
        *stated(text),
        *told(text),
    }
    found |= set(_continued(text, found))
    found |= set(again(text, found))
    found |= set(_continued(text, found))
    return sorted(found | set(readings(text, found)))


def _introduced(text: str) -> Iterator[Place]:
    """ミヤマの平野です。"""
    return (match.span("name") for match in _INTRODUCED.finditer(text) if is_surname(match["name"]))


def _related(text: str) -> Iterator[Place]:
    """長女の久美子さん, 父 俊."""
    for match in _RELATED.finditer(text):
        of_name = kinds(match["name"])
        is_name = of_name.given or of_name.person or of_name.surname
        if match["link"] == "の":
            is_name = (is_name and not of_name.common) or (
                (is_name or not of_name.is_known)
                and match["next"] in ("さん", "様", "が", "は", "も", "から", "より")
            )
        if is_name and match["name"] not in NO_GIVEN:
            yield match.span("name")


def _after_roles(text: str) -> Iterator[Place]:
    """担当 南雲, 委員長(権藤), 名札は「曽我」, 経理の佐竹から."""
    for match in overlapping(_AFTER_ROLE, text, "name"):
        is_kana = re.match("[ァ-ヶー]", match["name"]) is not None
        if (_is_foreign_after if is_kana else _is_family_after)(match):
            yield match.span("name")


def _is_foreign_after(match: re.Match[str]) -> bool:
    of_name = kinds(match["name"])
    if match["link"] == "の" and match["next"] in ("が", "は", "より", "から", "("):
        return len(match["name"]) > 2 and (of_name.is_name or not of_name.is_known)
    return match["link"] in (":", "(") and of_name.person and not of_name.common


def _is_family_after(match: re.Match[str]) -> bool:
    name, link, following = match["name"], match["link"], match["next"]
    if not is_surname(name):
        return False
    if link in ("の", "は", "が"):
        return len(name) > 1 and (_is_usual(name) or following in ("が", "は", "より", "です", "から"))
    if link == "":
        return len(name) > 1 and following not in (" ", "の")
    if link in (" ", "(") and kinds(name).place and not _is_usual(name):
        return re.search("[者当任係長]$", match[0][: match.start("link") - match.start()]) is not None
    return True


def _is_usual(name: str) -> bool:
    """A family name that is nothing else, or a frequent one."""
    of_name = kinds(name)
    return not (of_name.place or of_name.common) or (folded(name) in SURNAMES and is_first_a_name(name))


def _speakers(text: str) -> Iterator[Place]:
    """Of a chat: 宮内: , [9:01] 佐野: . A word that is no name speaks only where names do."""
    lines = list(_SPEAKER.finditer(text))
    if len(lines) < 2:
        return
    sure = any(
        is_surname(m["name"]) and len(m["name"]) > 1 and re.match("[^\n]*[ぁ-ん]", text[m.end() :][:60])
        for m in lines
    )
    for match in lines if sure else ():
        name = match["name"]
        of_name = kinds(name)
        if of_name.surname or of_name.given or (of_name.person and not of_name.common) or "・" in name:
            yield match.span("name")
        elif length := cut(name):
            yield match.start("name") + length, match.end("name")


def _is_sure(name: str) -> bool:
    of_name = kinds(name)
    return (of_name.surname or of_name.person) and not of_name.common


def _listed(text: str) -> Iterator[Place]:
    """加賀美、久住、三: where at least half can be nothing but family names."""
    for match in _LISTED.finditer(text):
        items = list(_ITEM.finditer(text, match.start(), match.end()))
        names = [item["name"] for item in items]
        # 栃木、石川、福井: beside a place that is no name, they are places.
        if any(kinds(name).place and not is_surname(name) for name in names):
            continue
        sure = sum(len(name) > 1 and is_surname(name) and is_first_a_name(name) for name in names)
        pairs = sum(" " in item[0] and is_pair(*item[0].split(" ", 1)) for item in items)
        if len(items) > 1 and max(sure, pairs) * 2 >= len(items):
            for item in items:
                of_item = kinds(item["name"])
                # An item may end in the department of the next, or be the first of several words.
                if of_item.surname or (of_item.given and len(item["name"]) == 1):
                    yield item.span("name")


def _beside_tokens(text: str) -> Iterator[Place]:
    """安斎 〔電話番号〕, 〔メールアドレス〕(青山)."""
    if "〔" not in text:
        return
    for match in _BEFORE_TOKEN.finditer(text):
        of_name = kinds(match["name"])
        is_name = of_name.surname or (of_name.person and not of_name.common and not of_name.place)
        if (
            is_name
            and match["name"] not in NO_SINGLE
            and (not of_name.common or is_first_a_name(match["name"]))
        ):
            yield match.span("name")
    yield from (match.span("name") for match in _AFTER_TOKEN.finditer(text) if is_surname(match["name"]))


_LETTERS = re.compile(f"[{IDEOGRAPHS}][{IDEOGRAPHS}ヶケノツ]{{0,11}}")


def _in_sentences(text: str) -> Iterator[Place]:
    """有働里奈, 倉知が. Only sentences that have letters of a name are read with the dictionary: that takes longer."""
    end = 0
    for match in _LETTERS.finditer(text):
        if match.start() >= end and _may_be_read(text, match):
            start = max(text.rfind(mark, end, match.start()) for mark in "。\n") + 1
            start = max(start, end, match.start() - _LONGEST_SENTENCE)
            end = min(len(text), start + 2 * _LONGEST_SENTENCE)
            end = min(
                (place for mark in "。\n" if (place := text.find(mark, match.end(), end)) >= 0), default=end
            )
            yield from _names_in(text, words(text[start:end], start))


def _may_be_read(text: str, letters: re.Match[str]) -> bool:
    alone, full = _names_of(letters[0])
    return full or (alone and _PARTICLE_OR_OF.match(text, letters.end()) is not None)


@lru_cache(maxsize=20_000)
def _names_of(letters: str) -> tuple[bool, bool]:
    """Whether a family name may end the letters, alone or after a department; and whether a given name may after one."""
    alone = full = False
    for start in range(len(letters)):
        if start and not BEFORE_NAME.search(letters[:start]):
            continue
        rest = letters[start:]
        alone = alone or is_surname(rest)
        full = full or any(
            is_surname(rest[:length]) and kinds(rest[length:]).given for length in (1, 2, 3, 4)
        )
    return alone, full


def _names_in(text: str, found: list[Word]) -> Iterator[Place]:
    """Words that the dictionary takes for names in their sentence."""
    for index, word in enumerate(found):
        if not word.is_surname:
            continue
        before = found[index - 1] if index else None
        after = found[index + 1] if index + 1 < len(found) else None
        if (
            before
            and before.end == word.start
            and before.is_noun
            and not BEFORE_NAME.search(text[before.start : before.end])
        ):
            continue
        if (
            after
            and after.is_given
            and text[after.start : after.end] != "通"
            and not re.match(f"[{IDEOGRAPHS}]", text[after.end : after.end + 1])
        ):
            yield word.start, after.end
            continue
        name = text[word.start : word.end]
        following = (_PARTICLE_OR_OF if _is_usual(name) else _PARTICLE).match(text, word.end)
        if following is None or (after and after.is_noun) or name.endswith("通"):
            continue
        if (
            len(name) == 1
            and before
            and before.end == word.start
            and not re.match(r"[\s、。「(]", text[before.start])
        ):
            continue
        if not _is_particle_of_person(name, following[0]):
            continue
        yield word.start, word.end


def _is_particle_of_person(name: str, particle: str) -> bool:
    """Of a place one says に, of a word を."""
    of_name = kinds(name)
    if len(name) == 1 or of_name.common:
        return particle in ("が", "は") and not (of_name.place and len(name) > 1)
    if of_name.place:
        return particle in (("が", "は", "を", "の", "と", "も") if _is_usual(name) else ("が", "は", "を"))
    return True


def _continued(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """What follows a name in a list: 鬼頭、轟、立花."""
    known = {start for start, _ in found}
    for start, end in sorted(found):
        # What is known continues by itself.
        while (
            (match := _NEXT.match(text, end))
            and match.start("name") not in known
            and _may_follow(match["name"])
        ):
            known.add(match.start("name"))
            yield match.span("name")
            end = match.end("name")
        before = _PREVIOUS.search(text[max(0, start - 16) : start])
        if before and _may_follow(before["name"]):
            yield max(0, start - 16) + before.start("name"), max(0, start - 16) + before.end("name")


def _may_follow(name: str) -> bool:
    if name[0].isascii():
        return is_roman_name(name)
    of_name = kinds(name)
    if re.match("[ァ-ヶー]", name):
        return of_name.person and not of_name.common
    return of_name.surname and is_person(name)
