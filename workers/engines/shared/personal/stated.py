"""Names where the form of a text says that a person stands there: after a role, beside a number of a person, at the end
of a letter, before what is said in a chat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from workers.engines.shared.personal.latin import in_latin_letters
from workers.engines.shared.personal.name_parts import IDEOGRAPHS, overlapping
from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import (
    FAMILY,
    GIVEN,
    KANA_PAIR,
    ROMAN_NAME,
    ROMAN_WORD,
    is_full_name,
    is_japanese_word,
    is_region,
    is_roman_name,
    is_sure_surname,
    may_be_family,
    may_be_pair,
)
from workers.engines.shared.personal.words import is_kana_surname, kinds

_KANJI = f"[{IDEOGRAPHS}]"
_ROLE = re.compile(
    r"(?:(?:報告|承認|担当|検印|立会|記録|受付|照会|補助|作成|起案|確認|決裁|審査|点検|監督|検収|検査|記入|記帳|集金|配達|代行|代理|通訳|引率|司会|進行|議事|書記|幹事|会計|監事"
    r"|サイン|署名|氏名|名義人?|名前|宛名|主催|発起|発表|講演|講師|司法書士|行政書士|弁護士|税理士|弁理士|会計士|社労士|宅建士|施工|設計|監理|運転|操縦|介助|付添|見届|保証|使用|利用|試験|被災|通報|申込|申請|契約)(?:者|人|員|係|印|役|当番)?"
    r"|[長次二三四五末][男女]|養子|配偶者|代表|取締役|支配人|嘱託人|受領委任|緊急連絡先?|連絡先|責任者|主任|主査|主幹|副査|班長|会長|理事|部長|課長|係長|工場長|店長|所長|室長|委員長?|社長|旧姓|文責|撮影|取材|編集|校正|聞き手|写真|差出人|宛先|当直|夜勤|日直|宿直|受講|登壇|座長|幹事長|級長|主将|監事|事務局長?|(?:^|[(\n ])[文記訳]"
    r"|(?:^|[ 、(])(?:[甲乙丙丁]|営業|経理|総務|人事|広報|購買|庶務|例)|[一-龥][課係]|[A-Z一二三四五特][等]?賞|優勝|[一二三四五1-5]位"
    r"|[一-龥](?<![業学記読前後作]者)(?<![法個商求老名各成]人)(?<!全員|人員|定員|満員|動員)(?<![校成増身特部社局署市町村区]長)[者人員長])$"
)
_LONGEST_ROLE = 8
_ROLE_ENDS = "責影材集正手真文訳直講壇将局告認当印会録付助作案裁査督収入帳金達行理訳率進議事記計ンサ名義人前宛催起表演師士工設計監転縦介添届証用験災報込請約者員係役番男女子役任幹長先連絡委姓甲乙丙丁業経総務広庶例課賞勝位書前点"
_NO_MARK = f"(?<=[{_ROLE_ENDS}])"
_END = r"(?P<next>$|[ 、。,)」/|〔(\[・;:>]|\n|が|は|に|を|の(?!日)|と|まで|から|より|名で|です|氏|様|さん|ほか|で(?!す))"
_KANA_NAME = "[ァ-ヶー]{2,10} [ァ-ヶー]{2,10}"
_AFTER_ROLE = re.compile(
    rf"[{_ROLE_ENDS}](?P<note>(?:\([^()\n]{{1,8}}\))?)(?P<link>[:は=] ?「?| ?「|[ (・](?!の)|{_NO_MARK}(?=[A-Z{IDEOGRAPHS}]))"
    rf"(?P<name>{FAMILY}(?: {GIVEN})?|{KANA_PAIR}|{ROMAN_NAME}){_END}",
    re.M,
)
_NUMBER_OF_PERSON = (
    r"(?:〔(?:電話番号|メールアドレス|カード番号|マイナンバー|生年月日|住所)〕|[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"
    r"|(?:昭和?|平成?|令和?|大正?|[STHR])\.?(?:[0-9]{1,2}|[元一二三四五六七八九十]{1,3})[年./]|(?:19|20)[0-9]{2}[年./-]|マイナンバー|個人番号|生年月日)"
)
_BESIDE = re.compile(
    rf"(?:^|[ 、。:)(\n・,|>「\"}}男女])(?P<name>{FAMILY} {GIVEN})(?:様|さん|氏)?(?P<link>(?:\([^()\n]{{1,10}}\))?[ ,|:;(\"']{{1,4}}(?:\.\.\. )?)(?P<number>{_NUMBER_OF_PERSON})",
    re.M,
)
_ALONE_BESIDE = re.compile(
    rf"(?:^|[ 、:)(・]|[一二三四五六七八九0-9][班組次]|[長次二三][男女])(?P<name>{FAMILY})(?: ?[(]| )(?P<number>〔(?:電話番号|メールアドレス|マイナンバー|生年月日)〕|[a-z][\w.]{{2,30}}@)",
    re.M,
)
_BEFORE_BANK = re.compile(rf"^(?P<name>{FAMILY}) [^\n〔]{{2,40}}〔口座番号〕", re.M)
_KANA_BESIDE = re.compile(
    rf"(?<![ァ-ヶー])(?P<name>{_KANA_NAME})(?=[ \n,;)]|$)|(?<![ァ-ヶー一-龥])(?P<called>{KANA_PAIR})(?=名で|名義|と名乗)",
    re.M,
)
_BEFORE_KANA = re.compile(r"(?:〕 |[eE前義人名][=:]|名義 |(?:カナ|名義)は |[0-9] )$")


def stated(text: str) -> Iterator[Place]:
    yield from _after_roles(text)
    yield from _beside_numbers(text)
    yield from _alone_in_lines(text)
    yield from _first_in_lines(text)
    yield from _in_headers(text)
    yield from _in_rows(text)
    yield from _at_the_end(text)
    yield from _speaking(text)
    yield from in_latin_letters(text)
    yield from _in_hiragana(text)
    yield from _in_fields(text)
    yield from _in_boxes(text)


_SELF = re.compile(
    rf"^(?P<name>{FAMILY})(?=(?:\([^()\n]{{1,10}}\)|[@@][^\s。]{{1,8}}?)?です。|と申します)", re.M
)
_DATED = re.compile(rf"^[^\n。、]{{2,12}} (?P<name>{FAMILY})(?= [0-9]{{1,2}}/[0-9]{{1,2}}$)", re.M)
_HIRAGANA = re.compile(
    r"(?:(?<![ぁ-んァ-ヶー])|(?<=[はのと]))(?P<name>[ぁ-ん]{3,6}?)(?=です[。、]|と申し|(?:です)?\([一-龥]{2,4}\)|が[一-龥]|は[一-龥、]|に[頼聞渡伝確報連相])"
)


def _in_hiragana(text: str) -> Iterator[Place]:
    """うえだです, きたむらが持つ: family names that can be nothing else."""
    for match in _SELF.finditer(text):
        if kinds(match["name"]).surname and (len(match["name"]) > 1 or not match.start()):
            yield match.span("name")
    for match in _DATED.finditer(text):
        if is_sure_surname(match["name"]) and len(match["name"]) > 1 and not is_region(match["name"]):
            yield match.span("name")
    for match in _HIRAGANA.finditer(text):
        of_name = kinds(match["name"])
        if (of_name.surname or is_kana_surname(match["name"])) and not (of_name.common or of_name.given):
            yield match.span("name")


_FIELD = re.compile(
    rf"(?P<key>name|名前|kana|フリガナ|ふりがな|かな)[\"']? ?[:=] ?[\"']?(?P<value>{FAMILY} {GIVEN}|{KANA_PAIR}|[ァ-ヶー]{{1,10}}(?:・[ァ-ヶー]{{1,10}}){{1,3}}|{ROMAN_NAME})(?=[\"'\n,}}]|$)",
    re.I,
)
_OF_PERSON = re.compile(
    r"(?<![a-z])(?:birth(?:day|date)?|dob|born|e?mail|phone|tel|mobile|my_?number|address|kana|gender|age)[\"']? ?[:=]|〔(?:生年月日|メール|マイナンバー|電話)|氏名|フリガナ",
    re.I,
)
_OBJECT = 160
"""Characters before and after a field, in which the others of its person stand."""


def _in_fields(text: str) -> Iterator[Place]:
    """name: 四万十 渚, beside a date of birth or a number of a person."""
    for match in _FIELD.finditer(text):
        around = (
            text[max(0, match.start() - _OBJECT) : match.start()] + text[match.end() : match.end() + _OBJECT]
        )
        value = match["value"]
        is_name = (
            is_roman_name(value) if value[0].isascii() else "・" in value or not re.match("[一-龥]", value)
        )
        if _OF_PERSON.search(around) and (is_name or may_be_pair(*value.split(" ", 1))):
            yield match.span("value")


_BOX = re.compile(r"(?<=[│┃])[ ]*(?P<cell>[^│┃\n]{1,12}?)[ ]*(?=[│┃])")


def _in_boxes(text: str) -> Iterator[Place]:
    """The seats of an office, where two cells can be nothing but family names."""
    cells = list(_BOX.finditer(text)) if "│" in text or "┃" in text else []
    if sum(kinds(cell["cell"]).surname and not kinds(cell["cell"]).common for cell in cells) < 2:
        return
    for cell in cells:
        of_cell = kinds(cell["cell"])
        if (of_cell.surname or of_cell.person) and not (of_cell.common and not of_cell.place):
            yield cell.span("cell")


def _after_roles(text: str) -> Iterator[Place]:
    for match in overlapping(_AFTER_ROLE, text, "name"):
        name, end = match["name"], match.start() + 1
        if not _ROLE.search(text[max(0, end - _LONGEST_ROLE) : end]):
            continue
        if re.match("[ぁ-んァ-ヶーA-Z]", name):
            if match["link"].strip() != "は" and (not name[0].isascii() or is_roman_name(name)):
                yield match.span("name")
        elif length := _length_after_role(name, match["link"], match["next"]):
            yield match.start("name"), match.start("name") + length


def _length_after_role(name: str, link: str, following: str) -> int:
    """Of the name at the beginning of what stands after a role; 0 for none."""
    family, _, given = name.partition(" ")
    if given and may_be_pair(family, given) and (link or may_be_family(family)):
        return len(name)
    of_name = kinds(family)
    ends = following in (
        "",
        "\n",
        " ",
        "、",
        "。",
        ")",
        "」",
        "・",
        "|",
        "/",
        "(",
        "〔",
        "様",
        "さん",
        "氏",
    ) or bool(given)
    if not (of_name.surname or of_name.place):
        return (
            len(family)
            if ends and len(family) > (2 if link else 3) and is_full_name(family, is_stated=bool(link))
            else 0
        )
    if not may_be_family(family) or is_region(family):
        return 0
    if of_name.common and not (link and ends and of_name.surname):
        return len(family) if of_name.place and ends and len(family) > 1 and not link else 0
    if ends:
        return len(family) if len(family) > 1 or of_name.surname else 0
    return (
        len(family)
        if len(family) > 1 and of_name.surname and following not in (("に", "の") if link else ("に",))
        else 0
    )


def _beside_numbers(text: str) -> Iterator[Place]:
    for match in overlapping(_BESIDE, text, "name"):
        family, given = match["name"].split(" ")
        of_given = kinds(given)
        is_place = of_given.place and not (of_given.surname or of_given.given)
        of_person = not match["number"].startswith(("〔電話", "〔住所", "20"))
        if may_be_pair(family, given) and not (is_place and not of_person):
            yield match.span("name")
    for match in overlapping(_ALONE_BESIDE, text, "name") if "〔" in text or "@" in text else ():
        of_name = kinds(match["name"])
        is_name = (
            is_sure_surname(match["name"]) and may_be_family(match["name"]) and not is_region(match["name"])
        )
        of_mail = match["number"].startswith(("〔メール", "〔マイ", "〔生")) or match["number"].endswith("@")
        if (is_name and (not of_name.common or (len(match["name"]) > 1 and of_name.place))) or (
            of_mail and may_be_family(match["name"]) and not of_name.common and len(match["name"]) < 4
        ):
            yield match.span("name")
    if "〔口座" in text:
        for match in _BEFORE_BANK.finditer(text):
            if is_sure_surname(match["name"]) and not is_region(match["name"]):
                yield match.span("name")
    for match in _KANA_BESIDE.finditer(text):
        if match["called"]:
            yield match.span("called")
        elif _BEFORE_KANA.search(text[max(0, match.start() - 6) : match.start()]):
            yield match.span("name")


_LINE = re.compile(
    rf"(?:^ *(?:[・*-] ?|\([0-9]\) ?)?|(?<=\) ))(?P<name>{FAMILY} {GIVEN})(?= *(?:様|殿)?$| ?\([^()\n]{{2,8}}\)$| (?:は|の)?[0-9]{{1,2}}/[0-9]{{1,2}}$)",
    re.M,
)


def _alone_in_lines(text: str) -> Iterator[Place]:
    """A line that is a pair of words, as names stand in a notice."""
    for match in _LINE.finditer(text):
        family, given = match["name"].split(" ")
        first, second = kinds(family), kinds(given)
        is_family = first.surname and not is_region(family)
        is_given = second.given or not second.is_known or (not second.place and len(given) < 3)
        if is_family and is_given and may_be_pair(family, given):
            yield match.span("name")


_FIRST = re.compile(
    rf"^(?:\|? ?[0-9]{{1,4}}[.):]? |[・*-] ?)?(?P<name>{FAMILY} {GIVEN})(?=[ ,\t|:(]|$)", re.M
)


def _first_in_lines(text: str) -> Iterator[Place]:
    """A column of names without a title: lines that begin with a pair of words, of which two are surely names."""
    pairs = [(match, *match["name"].split(" ", 1)) for match in _FIRST.finditer(text)]
    if sum(kinds(family).surname and kinds(given).given for _, family, given in pairs) < 2:
        return
    for match, family, given in pairs:
        of_family, of_given = kinds(family), kinds(given)
        is_family = (of_family.surname or of_family.place) and not is_region(family)
        if is_family and may_be_pair(family, given) and not (of_given.place and not of_given.is_name):
            yield match.span("name")


_ROW = re.compile(rf"(?:^|(?<=[ :|]))(?P<names>{FAMILY}(?: {FAMILY}){{2,30}})(?=$|[ 、。,|])", re.M)


def _in_rows(text: str) -> Iterator[Place]:
    """早番 鹿角 登米 妻籠: words between blanks of which more than half can be nothing but family names."""
    for match in _ROW.finditer(text):
        names = match["names"].split(" ")
        sure = [kinds(name).surname and not (kinds(name).place or kinds(name).common) for name in names]
        if sum(sure) * 2 <= len(names):
            continue
        start = match.start("names")
        for name in names:
            if len(name) > 1 and is_sure_surname(name) and not is_region(name):
                yield start, start + len(name)
            start += len(name) + 1


_HEADER = re.compile(
    r"^(?:From|To|Cc|CC|Bcc|BCC|差出人|宛先|送信者|受信者|Reply-To): ?(?P<names>[^\n]{2,300})", re.M
)
_ADDRESSEE = re.compile(
    rf"(?:^|(?<=[,;、\"]))[ \"]*(?P<name>{FAMILY}(?: {GIVEN})?|{ROMAN_NAME})(?=[ \"]*(?:$|[,;、<(〔]|様|さん))"
)


def _in_headers(text: str) -> Iterator[Place]:
    """Who sends and who receives a mail."""
    for header in _HEADER.finditer(text):
        for match in _ADDRESSEE.finditer(header["names"]):
            name = match["name"]
            if name[0].isascii():
                is_name = is_roman_name(name)
            else:
                is_name = may_be_pair(*name.split(" ", 1)) if " " in name else kinds(name).surname
            if is_name:
                start = header.start("names")
                yield start + match.start("name"), start + match.end("name")


_LAST = re.compile(
    rf"(?:(?<=[。!?])[ \n]|\n)(?P<of>(?:[^\s。、:|,]{{2,16}} ){{0,2}})(?P<name>{FAMILY}(?: {GIVEN})?|[ぁ-ん]{{2,5}}|{ROMAN_WORD}(?: {ROMAN_WORD})?)\s*$"
)
_LETTER = re.compile(r"です|ます|ました|ください|敬具|草々|以上|拝|regards|sincerely|thanks", re.I)


_OFFICE = re.compile("協会|会社|[部課店]|本社|組合|事務局|共済|法人|委員会|センター")


def _at_the_end(text: str) -> Iterator[Place]:
    """Who signs: the last word of a letter."""
    tail = text[-80:]
    match = _LAST.search(tail)
    if match is None or not (_LETTER.search(text[-600:]) or _OFFICE.search(match["of"])):
        return
    name = match["name"]
    start = len(text) - len(tail) + match.start("name")
    if name[0].isascii():
        is_name = is_roman_name(name) and all(is_japanese_word(word) for word in name.split(" "))
    elif " " in name:
        is_name = may_be_pair(*name.split(" "))
    else:
        of_name = kinds(name)
        is_name = (of_name.surname or of_name.given) and (
            not of_name.common or (len(name) > 1 and of_name.place)
        )
    if is_name:
        yield start, start + len(name)


_SPEAKER = re.compile(
    rf"^[ ]*(?:[-*] )?(?:[0-9/-]{{0,10}} ?\[?[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?\]? ?<?)?(?:(?P<name>{FAMILY}|[A-Z]?[a-z]{{2,12}}|[ァ-ヶー]{{2,8}}) ?[:>](?!/)|(?<=[0-9] )(?P<timed>{FAMILY})(?=[ \t])|【(?P<marked>{FAMILY}|[ァ-ヶー]{{2,8}})】)(?P<said>[^\n]*)",
    re.M,
)


def _speaking(text: str) -> Iterator[Place]:
    """Words that speak twice and more, in sentences."""
    lines = [match for match in _SPEAKER.finditer(text) if re.search("[ぁ-ん]", match["said"])]
    spoken = Counter(match[_speaker(match)] for match in lines)
    are_sure = all(name[0] > "一" and is_sure_surname(name) for name in spoken) and len(lines) > 1
    if not are_sure and (len(lines) < 3 or len(spoken) < 2 or max(spoken.values()) < 2):
        return
    speakers = {name for name in spoken if _may_speak(name)}
    for match in _SPEAKER.finditer(text):
        name = match[_speaker(match)]
        if name in speakers:
            yield match.span(_speaker(match))


def _speaker(match: re.Match[str]) -> str:
    """The group that has the name."""
    return next(group for group in ("name", "timed", "marked") if match[group])


def _may_speak(name: str) -> bool:
    if name[0].isascii():
        return is_japanese_word(name)
    of_name = kinds(name)
    return may_be_family(name) and not of_name.common and (of_name.is_name or of_name.place)
