"""Names of people by the dictionary of words: where a word is a name and its neighbours speak of a person.

What the rules here have found is found again in the same text, where less is said of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from workers.engines.shared.personal.names import is_person
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.words import Word, is_common, is_surname, kinds, words

K = "㐀-䶿一-鿿々豈-﫿\U00020000-\U0003134f"
_RUN = f"[{K}][{K}ヶケノツ]{{0,5}}"
_FOREIGN_PART = "[ァ-ヶー]{1,12}"
_TITLES = (
    r"さん(?![かぜぐじず])|様(?![式子々相態])|氏(?![名神族子])|殿(?![堂下様物])|くん(?![れせ])|ちゃん(?![とぽこね])|君(?![がはをのに])|先生|医師|看護師|看護部長|師長|弁護士|税理士|司法書士|社労士"
    r"|専務|常務|会長|副会長|社長|副社長|部長|次長|課長|係長|室長|主任|主査|主幹|主事|監査役|支配人|女将|理事長?|院長|教頭|教諭|教授|准教授|代理|運転者|運転手|運転士"
    r"|職長|班長|隊員|巡査|議員|委員長?|選手|監督|夫妻|ご夫妻|顧問|相談役|本部長|技師|研究員|記者|PT|OT|ST|専務理事|取締役|執行役員|リーダー|マネージャー|マネジャー"
)
_OF_PLACES = "支店長|所長|店長|工場長|校長|園長|市長|町長|区長|駅長|館長|センター長|局長"
_TITLE = re.compile(rf"(?:{_TITLES}|{_OF_PLACES})")
_PLAIN_TITLES = ("さん", "様", "氏", "殿", "くん", "ちゃん", "君")
# What may stand directly before a name that is written without a blank: 購買課渡邊様, 弊社糸魚川.
_BEFORE_NAME = re.compile(
    r"(?:[課部室係科局所店社医者員役長組班当町階任会院校園家]|当番|担当|保証人|[貸借]主|経理|総務|人事|営業|広報|購買|配車|施設|受付|窓口|[弊当御貴同]社|フロント|ドライバー|リーダー|スタッフ|同|故|亡|前|現|夫|妻|父|母|[男女]|孫|姉|妹|兄|弟|娘)$"
)
_RELATION = (
    r"(?:長男|長女|[次二三四]男|[次二三四]女|妻|夫|父|母|祖母|祖父|姉|妹|兄|弟|娘|息子|孫|子|旧姓|喪主|故|亡)"
)
_RELATED = re.compile(
    rf"(?<![{K}]){_RELATION}(?P<link>の|、| )(?P<name>[{K}]{{1,4}}|[ぁ-ん]{{2,4}}|[ァ-ヶー]{{2,8}})(?=(?P<next>[がはもにをとへ、。)]|さん|様|から|より|[ (]|$))",
    re.M,
)
_ROLE = (
    r"(?:[一-龥ァ-ヶーA-Z]{0,10}(?:[長者員役係任医師主人士事]|担当|当番|進行|司会|書記|監理|監修|施工|窓口|受付|幹事|報告|記録|作成|承認|確認|起案|検印|審査|代表|営業|総務|経理|人事|広報"
    r"|[弊当御貴]社|フロント|配車|ドライバー|名札|同|課|部|室|科|班|店|宛|宛先|差出|発信|講師|司式|指導|議長|監督|名義|通訳|連絡先|引率|付添|添乗|運転|助手|参列|欠席|出席|PM|PL|SE))"
)
_AFTER_ROLE = re.compile(
    rf"{_ROLE}(?:\([^()\n]{{1,8}}\))?(?P<link>:|は ?「|は|の|が|[ (]|:? ?「|(?<=[課部室係科])|(?<=[弊当御貴]社)|(?<=[支店所社部課工場]長)|(?<=フロント)|(?<=担当))[ ]?(?P<name>{_RUN}|{_FOREIGN_PART})(?=(?P<next>[がはをにもと、。)」,・/|:;]|より|から|だけ|です|が|[ (〔<]|$))",
    re.M,
)
_SPEAKER = re.compile(
    rf"^[ ]*(?:\[?[0-9]{{1,2}}:[0-9]{{2}}\]? ?)?(?P<name>{_RUN}|{_FOREIGN_PART}(?:・{_FOREIGN_PART}){{0,2}}|[ぁ-ん]{{2,4}}) ?[:>](?!/)",
    re.M,
)
_GIVEN = rf"[{K}]{{1,7}}|[ぁ-ん]{{1,3}}[子江代美枝乃]|[ァ-ヶー]{{1,4}}[子江代美枝乃]|[ぁ-んー]{{2,8}}|[ァ-ヶー]{{2,8}}"
_PAIR = re.compile(rf"(?<![{K}ァ-ヶーA-Za-z])(?P<family>[{K}][{K}ヶケノツ]{{0,11}}) (?P<given>{_GIVEN})")
_KANA_PAIR = re.compile(
    r"(?<![ァ-ヶーA-Za-z一-龥])(?P<name>[ァ-ヶー]{1,10}(?: [ァ-ヶー]{1,10}){1,2})(?![ァ-ヶーA-Za-z0-9])"
    r"|(?<![ぁ-んァ-ヶーA-Za-z一-龥])(?P<kana>[ぁ-ん]{2,6} [ぁ-ん]{2,6}?)(?=くん|さん|ちゃん|様|[)、\n]|$)"
)
_DOTTED = re.compile(rf"(?<![ァ-ヶー])(?:{_FOREIGN_PART}・){{1,3}}{_FOREIGN_PART}(?![ァ-ヶー])")
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
    rf"(?:名義|宿泊者|来訪者|応募者|氏名|[Dd]isplay_?[Nn]ame|[Ff]ull_?[Nn]ame|cardholder|CARDHOLDER|passenger)[\"']? ?[:=]?[ \"']{{0,2}}(?P<name>{_ROMAN})(?=[\n\"',;)]| [0-9一-龥]|$)",
    re.M,
)
_ROMAN_BEFORE_MAIL = re.compile(rf"(?<![A-Za-z0-9@._-])(?P<name>{_ROMAN}),? ?[<(,]? ?〔メール")
_IRISH = re.compile(r"(?<![A-Za-z0-9])(?P<name>(?:O'|Mc)[A-Z][A-Za-z]{2,12}(?: [A-Z][A-Za-z]{1,12})?)")
_READING = re.compile(
    rf" ?[(,|/] ?(?P<name>[ァ-ヶー]{{2,8}} [ァ-ヶー]{{2,8}}|[ぁ-ん]{{2,6}} [ぁ-ん]{{2,6}}|{_ROMAN})(?= ?[),|/\n]|$)"
)
_LISTED = re.compile(
    rf"(?<![{K}ァ-ヶー])(?:{_RUN}(?: (?:{_GIVEN}))?)(?:さん|様)?(?:(?: ?[、・,/] ?|\n)(?:{_RUN}(?: (?:{_GIVEN}))?)(?:さん|様)?(?![{K}ァ-ヶー])){{1,60}}"
)
_ITEM = re.compile(rf"(?P<name>{_RUN})(?: (?:{_GIVEN}))?(?:さん|様)?")
_BEFORE_TOKEN = re.compile(
    rf"(?:^|[ 、。:)(\n・])(?P<name>{_RUN}|[ァ-ヶー]{{2,8}})(?:様|さん|氏)? ?(?:[0-9]{{3,5}} )?[(]?〔(?:電話|カード|マイナンバー|メール|生年月日)",
    re.M,
)
_AFTER_TOKEN = re.compile(rf"〔(?:電話番号|メールアドレス)〕 ?\((?P<name>{_RUN})\)")
_PARTICLE = re.compile("[がはをにともへ]|より|から|だけ|です|まで")
_PARTICLE_OR_OF = re.compile(f"{_PARTICLE.pattern}|の")
_NO_GIVEN = frozenset(
    "様氏殿他宛印課部係長行分円年月日計号名者員店社家宅本個枚件回中上下内外前後別新旧同各有無済未良否可不約第人男女子父母夫妻兄弟姉妹町村市区県都府道駅生火水木土曜章節条項編款月"
)
_ERAS = frozenset(["明治", "大正", "昭和", "平成", "令和"])
_NO_SINGLE = _NO_GIVEN | frozenset("元奥孫摂源両神仏主客王姫若副正准親名全当現亡故何")
_NO_KANA_GIVEN = frozenset(
    "さん くん です ます から まで より こと ため など ほか あて これ それ この その または および ならび する した して いる ある なし あり なお また ただ もの とき ところ ページ ビル セル".split()
)
_POSTS_AFTER = re.compile(rf"(?:{_TITLES}|{_OF_PLACES}|代表|役員|宅|家(?![{K}])|邸)")


def people(text: str) -> list[Place]:
    found = {
        *_pairs(text),
        *_kana_pairs(text),
        *_dotted(text),
        *_roman(text),
        *_titled(text),
        *_related(text),
        *_after_roles(text),
        *_speakers(text),
        *_listed(text),
        *_beside_tokens(text),
        *_in_sentences(text, words(text)),
    }
    found |= set(_continued(text, found))
    found |= set(_again(text, found))
    return sorted(found | set(_readings(text, found)))


# -- family and given name --------------------------------------------------------------------
def _pairs(text: str) -> Iterator[Place]:
    end = 0
    for match in _overlapping(_PAIR, text, "given"):
        given = _given(match["given"])
        is_pair = match.start() >= end and given and _is_pair(match["family"], given)
        if is_pair and not _is_row_of_letters(text, match, given):
            end = match.start("given") + len(given)
            yield match.start() + _cut(match["family"]), end


def _overlapping(pattern: re.Pattern[str], text: str, group: str) -> Iterator[re.Match[str]]:
    """The matches, each of which may begin in the group of the one before: 理事長 雨宮 厳."""
    position = 0
    while match := pattern.search(text, position):
        yield match
        position = match.start(group)


def _cut(family: str) -> int:
    """Letters of a department that stand before the family name: 弊社糸魚川."""
    for length in range(len(family) - 1) if not is_surname(family) else ():
        if length and is_surname(family[length:]) and _BEFORE_NAME.search(family[:length]):
            return length
    return 0


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
    if title := _POSTS_AFTER.search(word):
        word = word[: title.start()]
    return word if len(word) < 5 or re.match("[ァ-ヶー]", word) else ""


def _is_pair(family: str, given: str) -> bool:
    first, second = kinds(family), kinds(given)
    if (
        given in _NO_GIVEN
        or given in _ERAS
        or (
            len(family) == 1
            and (
                family in _NO_GIVEN
                or is_common(family)
                or not second.given
                or (second.common and len(given) > 1)
            )
        )
    ):
        return False
    if not first.surname and _cut(family):
        first = kinds(family[_cut(family) :])
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
    return re.fullmatch(f"[{K}] ", before) is not None or re.match(f" [{K}]", after) is not None


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
            is_called
            or _TITLE.match(text, match.end())
            or (names and is_beside)
            or names == len(of_parts) > 1
        ):
            yield match.span()


def _dotted(text: str) -> Iterator[Place]:
    """ジョアン・シルバ."""
    for match in _DOTTED.finditer(text):
        of_parts = [kinds(part) for part in match[0].split("・") if len(part) > 1]
        is_name = any(part.is_name and not (part.common or part.place) for part in of_parts)
        is_other = any((part.common or part.place) and not part.is_name for part in of_parts)
        if _TITLE.match(text, match.end()) or (is_name and not is_other):
            yield match.span()


def _roman(text: str) -> Iterator[Place]:
    for match in _ROMAN_CALLED.finditer(text):
        if not re.fullmatch("[A-Z]{2,4}", match[0]):
            yield match.span()
    for pattern in (_ROMAN_LINE, _ROMAN_LABELLED, _ROMAN_BEFORE_MAIL, _IRISH):
        yield from (match.span("name") for match in pattern.finditer(text))
    if "〔メール" in text:
        yield from (match.span("name") for match in _ROMAN_BEFORE_MAIL.finditer(text))


# -- one word ---------------------------------------------------------------------------------
def _titled(text: str) -> Iterator[Place]:
    """渡邊様, 滝部長, ソムチャイさん, みつるくん."""
    for match in _TITLE.finditer(text):
        window = text[max(0, match.start() - 12) : match.start()]
        run = re.search(rf"(?:[{K}ヶケノツ]{{1,10}}|[ァ-ヶー]{{2,12}}|[ぁ-ん]{{2,12}})$", window)
        if run is None:
            continue
        name = _called(run[0], match[0])
        if name and not (re.match("[ァ-ヶー]", name) and re.search(f"[{K}A-Za-z・]$", window[: run.start()])):
            yield match.start() - len(name), match.start()


def _called(run: str, title: str) -> str:
    """The name at the end of the letters before a title."""
    is_plain = title in _PLAIN_TITLES
    if re.match("[ァ-ヶー]", run):
        of_run = kinds(run)
        return (
            run
            if is_plain and (of_run.person or of_run.given or of_run.surname or not of_run.is_known)
            else ""
        )
    if re.match("[ぁ-ん]", run):
        for length in range(min(5, len(run)), 1, -1):
            name, before = run[-length:], run[:-length]
            if (
                is_plain
                and kinds(name).given
                and (not before or before[-1] in "のはがをにとも")
                and not kinds(name).common
            ):
                return name
        return run if title in ("くん", "ちゃん") and 2 <= len(run) <= 4 and not kinds(run).common else ""
    if title in ("くん", "ちゃん") and len(run) <= 3 and not kinds(run).is_known:
        return run
    for start in range(max(0, len(run) - 5), len(run)):
        name, of_name = run[start:], kinds(run[start:])
        is_name = of_name.surname or (of_name.given and (is_plain or title == "会長"))
        if re.fullmatch(_OF_PLACES, title) and (of_name.place or len(name) == 1):
            is_name = False
        if len(name) == 1 and re.search("[現前元新同故各全]$", run[:start]):
            continue
        if (
            is_name
            and is_person(name)
            and (start == 0 or _BEFORE_NAME.search(run[:start]))
            and not (len(name) == 1 and name in _NO_SINGLE)
        ):
            return name
    return ""


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
        if is_name and match["name"] not in _NO_GIVEN:
            yield match.span("name")


def _after_roles(text: str) -> Iterator[Place]:
    """担当 南雲, 委員長(権藤), 名札は「曽我」, 経理の佐竹から."""
    for match in _overlapping(_AFTER_ROLE, text, "name"):
        name, of_name, link = match["name"], kinds(match["name"]), match["link"]
        is_name = of_name.surname or (
            re.match("[ァ-ヶー]", name) and (of_name.person or not of_name.is_known) and len(name) > 2
        )
        if re.match("[ァ-ヶー]", name) and (
            link != "の" or match["next"] not in ("が", "は", "より", "から", "(")
        ):
            is_name = is_name and link in (":", "(") and of_name.person and not of_name.common
        if not is_name:
            continue
        if (
            link in ("の", "が", "は")
            and (of_name.common or of_name.place)
            and match["next"] not in ("が", "は", "より", "です", "から")
        ):
            if not (link == "は" and match["next"] == "、" and re.search("[席当加長者]は", match[0])):
                continue
        if link == "" and (len(name) == 1 or match["next"] in (" ", "の")):
            continue
        if (
            link in (" ", "(")
            and of_name.place
            and not re.search("[者当任係長]$", match[0][: match.start("link") - match.start()])
        ):
            continue
        if len(name) == 1 and link in ("の", "は", "が"):
            continue
        yield match.span("name")


def _speakers(text: str) -> Iterator[Place]:
    """Of a chat: 宮内: , [9:01] 佐野: . A word that is no name speaks only where names do."""
    lines = [match for match in _SPEAKER.finditer(text)]
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
        elif cut := _cut(name):
            yield match.start("name") + cut, match.end("name")


def _is_sure(name: str) -> bool:
    of_name = kinds(name)
    return (of_name.surname or of_name.person) and not of_name.common


def _listed(text: str) -> Iterator[Place]:
    """加賀美、久住、三: where at least half can be nothing but family names."""
    for match in _LISTED.finditer(text):
        items = [item for item in _ITEM.finditer(text, match.start(), match.end())]
        sure = sum(_is_sure(item["name"]) and not kinds(item["name"]).place for item in items)
        pairs = sum(" " in item[0] and _is_pair(*item[0].split(" ", 1)) for item in items)
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
        if is_name and match["name"] not in _NO_SINGLE:
            yield match.span("name")
    yield from (match.span("name") for match in _AFTER_TOKEN.finditer(text) if is_surname(match["name"]))


def _in_sentences(text: str, found: list[Word]) -> Iterator[Place]:
    """Words that the dictionary takes for names in their sentence: 有働里奈, 倉知が."""
    for index, word in enumerate(found):
        if not word.is_surname:
            continue
        before = found[index - 1] if index else None
        after = found[index + 1] if index + 1 < len(found) else None
        if (
            before
            and before.end == word.start
            and before.is_noun
            and not _BEFORE_NAME.search(text[before.start : before.end])
        ):
            continue
        if after and after.is_given and not re.match(f"[{K}]", text[after.end : after.end + 1]):
            yield word.start, after.end
            continue
        of_word = kinds(text[word.start : word.end])
        is_pure = not (of_word.place or of_word.common)
        following = (_PARTICLE_OR_OF if is_pure else _PARTICLE).match(text, word.end)
        if following is None or (after and after.is_noun) or (of_word.common and word.end - word.start > 1):
            continue
        if word.end - word.start < 2 and (
            following[0] not in ("が", "は")
            or (
                before
                and before.end == word.start
                and re.match(r"[^\s、。「(]", text[before.start : before.end])
            )
        ):
            continue
        if re.search("通$", text[word.start : word.end]):
            continue
        if of_word.place and following[0] not in ("が", "は", "を"):
            continue
        yield word.start, word.end


_NEXT = re.compile(
    rf"(?:{_TITLES})?(?:\([^()\n]{{1,8}}\))?[、・,/と] ?(?P<name>{_RUN})(?: (?:{_GIVEN}))?(?=(?:{_TITLES})?[、,。)\n・がはをのでに(]|$)"
)


def _continued(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """What follows a name in a list: 鬼頭、轟、立花."""
    for _, end in found:
        while (match := _NEXT.match(text, end)) and is_surname(match["name"]) and is_person(match["name"]):
            yield match.span("name")
            end = match.end("name")


# -- again ------------------------------------------------------------------------------------
def _again(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """The parts of names that are found, wherever they stand apart from other words."""
    parts = {
        part
        for start, end in found
        for part in re.split("[ ・]", text[start:end])
        if re.match(f"[{K}ァ-ヶー]", part)
    }
    kana = {
        part
        for start, end in found
        for part in text[start:end].split(" ")
        if re.fullmatch("[ぁ-ん]{2,6}", part)
    }
    for match in (
        re.finditer(rf"(?<![ぁ-ん])(?:{'|'.join(kana)})(?=さん|くん|ちゃん|様)", text) if kana else ()
    ):
        yield match.span()
    parts = {
        part
        for part in parts
        if re.match(f"[{K}]", part) or (len(part) > 1 and not (kinds(part).common or kinds(part).place))
    }
    if not parts:
        return
    for match in re.finditer(
        "|".join(sorted(map(re.escape, parts), key=lambda part: (-len(part), part))), text
    ):
        name = match[0]
        before, after = (
            text[match.start() - 1 : match.start()] if match.start() else "",
            text[match.end() : match.end() + 3],
        )
        if re.match(rf"[{K}ァ-ヶーA-Za-z]", before) and not _BEFORE_NAME.search(
            text[max(0, match.start() - 4) : match.start()]
        ):
            continue
        is_titled = _POSTS_AFTER.match(text, match.end()) is not None
        if re.match(rf"[{K}ァ-ヶーA-Za-z]", after) and not is_titled:
            continue
        of_name = kinds(name)
        if len(name) == 1 and not (is_titled or re.match(r"[がはをにと、)」>:]|の(?!山|上|中|写真)", after)):
            continue
        if len(name) == 1 and re.match("[0-9一二三四五六七八九十]", before + name) and not is_titled:
            continue
        if (of_name.place or of_name.common) and not (
            is_titled or re.match(r"[がはをと、。)」>:]|より|です|の|に|も|\n|$", after)
        ):
            continue
        if of_name.place and re.match(
            "に|の(?:[支本]?店|工場|会議|件|[街町駅方港]|本社|拠点|事務|営業)",
            after + text[match.end() + 3 : match.end() + 5],
        ):
            continue
        yield match.span()


def _readings(text: str, found: Iterable[Place]) -> Iterator[Place]:
    """小野寺 敦(おのでら あつし)."""
    for start, end in found:
        match = _READING.match(text, end)
        if match and not text[start].isascii():
            yield match.span("name")
