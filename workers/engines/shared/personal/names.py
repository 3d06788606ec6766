"""Names of people in running text, by what stands before and after them; and what a name looks like.

Without a dictionary of words a name is only found where the text says so. In doubtful cases nothing is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workers.engines.shared.personal.numbers import Place
from workers.engines.shared.personal.shapes import ROLE_ENDING, SELECTOR, is_person, is_person_cell
from workers.engines.shared.personal.surnames import SURNAMES
from workers.engines.shared.personal.words import is_common, kinds

# Also variants beyond the basic plane (𠮷) and the selectors of variants that follow a kanji.
_IDEOGRAPHS = "㐀-䶿一-鿿々豈-﫿\U00020000-\U0003134f"
# 様 and 殿 follow a name; they are not in one.
_KANJI = f"(?:(?![様殿])[{_IDEOGRAPHS}][{SELECTOR}]?)"
_FAMILY = rf"{_KANJI}(?:{_KANJI}|[ヶケノツ](?={_KANJI})){{0,4}}"
_LETTER = f"(?:(?![様殿])[{_IDEOGRAPHS}ぁ-んァ-ヶー][{SELECTOR}]?)"
_ROMAN = r"(?:[A-Z][a-z]+|[A-Z]{2,}),? (?:[A-Z][a-z]+|[A-Z]{2,})"
_KANA_NAME = r"[ァ-ヶー]{2,8} [ァ-ヶー]{2,8}|[ぁ-んー]{2,8} [ぁ-んー]{2,8}"
_SPACED = rf"{_FAMILY} (?:{_KANJI}{{1,4}}|{_LETTER}{{1,6}})"
_NAME = rf"(?:{_SPACED}|{_FAMILY}{_LETTER}{{0,6}}|{_KANA_NAME}|{_ROMAN})"
_END = r"(?=$|[\s、。,・;|<(（\[/様殿氏〔)\]」】さ\"'}])"

_PERSON_WORDS = (
    r"(?:[一-龥]{0,6}(?:氏名|姓名|名前|名義人?|担当者名?|担当|責任者名?|管理者名?|立会人|代理人|受取人|世帯主|保証人|社員名|職員名|従業員名"
    r"|配偶者|保護者|請求者|連絡先|本人|講師)|(?:申請|記入|作成|承認|確認|起案|報告|発信|送信|受信|参加|出席|受講|届出|代表|依頼|点検|作業"
    r"|操作|運転|被災|発見|受付|監督|審査|検印|検査|測定|記録|発行|立案|提出|推薦|紹介|執筆|編集|受領|引率|使用|利用|契約|署名)(?:者|人|責任者)名?"
    r"|お名前|フリガナ|ふりがな|カナ氏名|氏名カナ|ローマ字氏名|ローマ字|(?<![一-龥])[姓名]|セイ|メイ|Name|Full name|Contact person)"
)
# The last letters of these words: so a text is searched for one letter rather than for each of the words.
_LABELLED = re.compile(
    r"[名前者人役主先当師ナな字姓イen](?:\([^()\n]{1,8}\))?(?:[)\]】」] ?[:：]?|[\"']? ?[:：]| (?=[^:：])) ?[\"'「]?"
    rf"(?P<name>{_NAME}|[ぁ-んァ-ヶー]{{2,6}}){_END}",
    re.M,
)
_WORD_END = re.compile(rf"(?:{_PERSON_WORDS})$")
_OF_PART = re.compile("(?:姓|(?<![一-龥])名|セイ|メイ|フリガナ|ふりがな)$")
_WITH_BLANK = re.compile(rf"{_SPACED}|{_KANA_NAME}|{_ROMAN}")
_NEXT = re.compile(rf"[ ]?[、,・/][ ]?(?P<name>{_NAME}){_END}", re.M)
_BEFORE_BIRTH = re.compile(rf"((?:^|[\s、。:]))({_SPACED})(?= ?\(?(?:生年月日|〔生年月日〕))", re.M)
_BEFORE_MAIL = re.compile(
    rf"(?:^|[\s、。:：\"])(?P<name>{_SPACED}|{_ROMAN})\"? ?[<(]〔メールアドレス〕", re.M
)

_DWELLING = re.compile(r"(?:[自住帰在社居別新旧実役]|両親|本人|時帰|従業員|取引先)$")
_PARTICLES = "のはがをにでともやへらたしるいすくて"
_HONORIFIC = re.compile(
    r"さん(?!か(?!ら)|[ぜぐじず])|(?<![仕多同異模態両紋])様(?![式子々相態])|氏(?![名神族子])|殿(?![堂下様])|宅(?=[にでへのまをは、。\s]|$)",
    re.M,
)
_RUN = re.compile(
    rf"(?:(?:(?:{_KANJI}|[ヶケノツ]){{1,6}} )?(?:{_KANJI}|[ヶケノツ]){{1,7}}(?:[ァ-ヶー]{{2,4}})?"
    rf"|(?:{_KANJI}|[ヶケノツ]){{1,6}} [ぁ-んァ-ヶー]{{2,5}}) ?$"
)
_DEPARTMENT_BEFORE = re.compile(
    r"^.+(?:課長|部長|係長|主任|工場長|支店長|社長|支店|営業所|株式会社|有限会社|[課係])(?=.)"
)
_POSTS = "課長代理|課長補佐|副工場長|工場長|支店長|副社長|課長|部長|係長|次長|班長|室長|所長|店長|主任|社長|専務|常務|主査|主幹|先生|教授|医師"
_AFTER_NAME = re.compile(_POSTS)
_POST_OF = re.compile(
    rf"(?:{_POSTS}|社員|職員|従業員|担当|技師|責任者)の(?P<name>{_FAMILY}(?: {_LETTER}{{1,4}})?)(?=(?P<next>[がはをにとも、。]|さん|氏|様|$))",
    re.M,
)
_ACT = re.compile(
    r"承認|決裁|指示|許可|確認|判断|命令|判定|同意|意見|職務|責任|権限|補佐|代理|押印|捺印|署名|交代|着席|名前|氏名|印|指名|任命|任期|業務|仕事|給与|手当|報告"
    r"|立会|異動|負担|裁量|評価|面談|出張|勤務|休暇|研修|教育|指導|助言|説明|連絡|都合|場合|多く|一部|全員|過半|健康|安全|氏|者|数|所属|配置|登録|資格|評定|役割|後任|前任"
)
_COMPANY = re.compile("会社|法人|銀行|組合")
_FOLLOWS = re.compile(rf"(?: ?: ?| )(?P<name>{_NAME}){_END}", re.M)
_OF_DEPARTMENT = re.compile(rf"(?<=[部課室係店所社])の(?P<name>{_FAMILY})(?=です|と申)")
_PLACE = re.compile("[県市区町村駅]|都|府")
_WINDOW = 16


def names(text: str) -> Iterator[Place]:
    yield from _after_words(text)
    if "生年月日" in text:
        yield from (m.span(2) for m in _BEFORE_BIRTH.finditer(text) if is_person(m[2]))
    if "〔メール" in text:
        yield from (m.span("name") for m in _BEFORE_MAIL.finditer(text) if is_person(m["name"]))
    yield from _before_honorifics(text)
    yield from _beside_posts(text)


def _after_words(text: str) -> Iterator[Place]:
    """氏名: 山田太郎; after a blank alone only 氏名 山田 太郎."""
    for match in _LABELLED.finditer(text):
        word_end = match.start() + 1
        word = text[max(0, word_end - _WINDOW) : word_end]
        between, name = text[word_end : match.start("name")], match["name"]
        if not _WORD_END.search(word) or not is_person_cell(name) or is_common(name):
            continue
        if re.fullmatch("[ぁ-んァ-ヶー]+", name) and not _OF_PART.search(word):
            continue
        if (
            re.search(r"[:：)\]】」]", re.sub(r"\([^()]*\)", "", between))
            or _WITH_BLANK.fullmatch(name)
            or _is_known(name)
        ):
            yield match.span("name")
            yield from _listed(text, match.end("name"))


def _listed(text: str, end: int) -> Iterator[Place]:
    """担当: 山田、佐藤"""
    while (match := _NEXT.match(text, end)) and is_person(match["name"]) and not is_common(match["name"]):
        yield match.span("name")
        end = match.end("name")


def _is_known(name: str) -> bool:
    """A frequent family name, alone or with a given name after it."""
    plain = re.sub(f"[{SELECTOR}]", "", name)
    if plain in SURNAMES or plain.split(" ")[0] in SURNAMES:
        return True
    for length in (2, 3, 4):
        rest = plain[length:]
        if plain[:length] in SURNAMES and 1 <= len(rest) <= 3:
            return not (ROLE_ENDING.search(rest) or _PLACE.match(rest))
    return False


def _before_honorifics(text: str) -> Iterator[Place]:
    for match in _HONORIFIC.finditer(text):
        begin = max(0, match.start() - _WINDOW)
        window = text[begin : match.start()].rpartition("\n")[2]
        run = _RUN.search(window)
        if run is None:
            continue
        start, name = match.start() - len(window) + run.start(), run[0].rstrip()
        if cut := _DEPARTMENT_BEFORE.match(name):
            start, name = start + cut.end(), name[cut.end() :].lstrip()
            start = match.start() - len(window) + window.rindex(name)
        elif " " in name and _is_no_family(name.split(" ")[0]):
            name = name.split(" ")[1]
            start = match.start() - len(window) + window.rindex(name)
        if match[0] == "宅" and (
            _DWELLING.search(name) or (start and not re.match(r"[\s、の(]", text[start - 1]))
        ):
            continue
        if _is_company(name):
            continue
        if _is_called(text, start, name) and not (
            is_common(name) or (name.endswith("屋") and kinds(name).common)
        ):
            yield start, start + len(name)


def _is_company(name: str) -> bool:
    """矢野電設さん: a family name before another word."""
    plain = re.sub(f"[{SELECTOR}]", "", name)
    return " " not in name and any(
        kinds(plain[:length]).is_name and is_common(plain[length:])
        for length in range(2, len(plain) - 1)
        if not kinds(plain).is_name
    )


def _is_no_family(word: str) -> bool:
    """A company or a department before the name: 株式会社青葉 山田様."""
    return word not in SURNAMES and (_COMPANY.search(word) or ROLE_ENDING.search(word)) is not None


def _is_called(text: str, start: int, name: str) -> bool:
    """A name that stands alone before 様 or さん: not the end of a longer word, not a trade or a group."""
    before = text[start - 1 : start] if start else ""
    if re.match("[ァ-ヶーA-Za-z0-9)]", before) or (re.match("[ぁ-ん]", before) and before not in _PARTICLES):
        return False
    plain = re.sub(f"[{SELECTOR}]", "", name)
    if len(plain) == 1 and plain not in SURNAMES:
        return False
    return len(plain.replace(" ", "")) <= 8 and is_person(name)


def _beside_posts(text: str) -> Iterator[Place]:
    """山田課長 where the family name is a frequent one, and 課長の山田."""
    for match in _AFTER_NAME.finditer(text):
        for length in (1, 2, 3, 4):
            start = match.start() - length
            before = text[start - 1 : start] if start > 0 else ""
            if (
                start >= 0
                and text[start : match.start()] in SURNAMES
                and not re.match(f"[{_IDEOGRAPHS}]", before)
            ):
                yield start, match.start()
        following = _FOLLOWS.match(text, match.end())
        if following and _is_known(following["name"]) and is_person(following["name"]):
            yield following.span("name")
    for match in _OF_DEPARTMENT.finditer(text):
        if match["name"] in SURNAMES:
            yield match.span("name")
    for match in _POST_OF.finditer(text):
        name = match["name"]
        if name in SURNAMES or (
            (" " in name or match["next"] in ("が", "は", "さん", "氏", "様"))
            and not match[0].startswith(("社員", "職員", "従業員", "担当", "責任者"))
            and 1 < len(name) < 8
            and not _ACT.search(name)
            and not is_common(name)
            and is_person(name)
        ):
            yield match.span("name")
