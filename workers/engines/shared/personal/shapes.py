"""What may be a person's name where the text says that one stands there: in a column, after a role, before a number.

There a name may be a place (登米), a word (中津 唐揚) or nothing that the dictionary knows; it may not be a post, a
department or a company.
"""

from __future__ import annotations

import re
from functools import lru_cache

from workers.engines.shared.personal.name_parts import IDEOGRAPHS, NO_GIVEN, NO_SINGLE
from workers.engines.shared.personal.surnames import SURNAMES
from workers.engines.shared.personal.words import folded, is_surname, kinds

SELECTOR = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
KANJI = f"(?:(?![様殿])[{IDEOGRAPHS}][{SELECTOR}]?)"
FAMILY = f"{KANJI}(?:{KANJI}|[ヶケノツ](?={KANJI})){{0,6}}"
GIVEN = f"(?:{KANJI}{{1,4}}|{KANJI}{{1,2}}[ぁ-ん]{{1,3}}|[ぁ-んー]{{2,5}}|[ァ-ヶー]{{2,6}})"
PAIR = f"{FAMILY} {GIVEN}"
KANA_PAIR = "[ァ-ヶー]{2,10} [ァ-ヶー]{2,10}|[ぁ-ん]{2,6} [ぁ-ん]{2,6}"
_UPPER, _LOWER = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ɏ\u1e00-\u1eff'"
ROMAN_WORD = rf"(?:(?:O'|Mc|Mac|De|Van )?[{_UPPER}][{_LOWER}]{{1,15}}|[A-Z]{{2,15}}|[A-Z]\.|Jr\.)"
ROMAN_NAME = rf"{ROMAN_WORD}(?:,? {ROMAN_WORD}){{1,3}}"

ROLE_ENDING = re.compile(
    r"(?:部|課|室|係|長|者|員|氏名|店|社|等|欄|担当|責任者|本人|なし|不明|未定|参照|別紙|各位|御中|代理|主任|業者|工場|支店|営業所"
    r"|事務所|センター|グループ|チーム|組合|銀行|大学|病院|市役所|役場|製作所|工業|商事|商店|電機|建設|興業|産業|物流|運輸|精機|法人"
    r"|公社|協会|学校|委員会|本部|総務|経理|人事|購買|営業|次第|未記入|記入|省略|同上|不在|欠員|空欄|(?:学|先|研修|実習|卒業|受講|留)生"
    r"|(?:運転|助|選)手|(?:医|看護|技|講|教|調理)師|(?:農|大|国|作|専門|親)家?家|職人|新人|社内|社外|各自|全員|御社|貴社|弊社|当社|会社"
    r"|業|局|署|庁|省|院|校|館)$"
)
_NO_NAME = re.compile(
    r"[客皆仕同各両何王神奥殿多有模一外貴他若人方母父娘嫁兄姉弟妹孫息摂彼源平]|お客|皆々|奥方|取引先|得意先|仕入先|家族|親族|遺族|株主|施主|家主|地主|神主"
    r"|荷主|船主|大家|大工|女将|旦那|患者|親御|息子|叔父|叔母|同様|仕様|多様|異様|一様|模様|有様|王様|神様|左官|芸人|役人|商人|住人|隣人|友人|主人|夫人"
    r"|ご本人|先方|相手|両親|子供|代官|宿題|内容|日付|期限|変更|確認|承認|作成|担当|氏名|姓名|名前|印鑑|署名|捺印|押印|年齢|性別|住所|備考"
)
_GROUP = re.compile("各(?!務)|全|当(?!麻)|該当|複数|[0-9一二三]名")
_FIELD_WORD = re.compile(
    r"部署名?|所属先?|部門|役職名?|職位|職名|職種|電話(?:番号)?|携帯|内線|住所|自宅|性別|年齢|続柄|備考|連絡先|生年月日|入社日|資格|社員番号|印鑑?|日付|期限"
    r"|区分|納期|状態|金額|数量|単価|合計|品名|品番|型式|工程|設備|項目|内容|件名|会社名?|店名|番号|氏名.*|お?名前|姓名?|名|フリガナ|ふりがな|セイ|メイ|カナ"
    r"|漢字|ローマ字|英字|申請日|承認日|確認日|完了日|開始日|終了日|作成日|理由|目的|場所|時間|日時|結果|評価|対応|処置|原因|数|年|月|日|有|無|可|否|済|未|要|不要|良|不良"
)
_POST = re.compile(
    r"[課室係長者員店社欄印票]$|(?:.部|担当|支店|本店|本社|工場|営業所|事務所|センター|チーム|グループ|組合|銀行|信金|信組|農協|大学|病院|会社|法人|普通|当座|定期|貯蓄"
    r"|連合会|協会|委員会|食堂|商店|商会|商事|建設|建材|工業|製作所|運輸|物流|酒造|電設|通関|青果|製鉄|設備|機械|一式|工程|住所|電話|番号|氏名|学園|会館|高校|ホール|直売所|研究所|診療所|保育園|公民館|窓口|売店|日時|場所|会議|不在|空席|未定|なし|同上)$"
)
_COUNTED = re.compile("[0-9〇一二三四五六七八九十百千]+[名人件個円回年月日号番台本枚棟階班]?")
_REGION = re.compile(
    "北海道|青森|岩手|宮城|秋田|山形|福島|茨城|栃木|群馬|埼玉|千葉|東京|神奈川|新潟|富山|石川|福井|山梨|長野|岐阜|静岡|愛知|三重|滋賀|京都|大阪|兵庫|奈良"
    "|和歌山|鳥取|島根|岡山|広島|山口|徳島|香川|愛媛|高知|福岡|佐賀|長崎|熊本|大分|宮崎|鹿児島|沖縄|札幌|仙台|横浜|名古屋|神戸|川崎|さいたま|東北|関東|関西|九州|四国|中部|北陸"
)
_ORGANIZATION = re.compile(
    r"(?<![A-Za-z])(?:Hall|Inc|Ltd|Co|Corp|LLC|Hotel|Clinic|Bank|Systems?|Team|Support|Cent(?:er|re)|Sales|Dept|Office|Group|School|University|Grand|The|New|Old|Web|Server"
    r"|Service|Manager|Project|Data|Test|Admin|User|Tokyo|Osaka|Kyoto|Nagoya|Japan|Yokohama|Kobe|Subject|From|To|Re|No|Date|Name|Type|Visa|Card|Plan|Phase|Room|Best|Dear|Seiki|Kogyo|Kougyou|Shoji|Shouji|Sangyo|Kensetsu|Denki|Seisakusho|Unyu|Shokai|Kaisha|Shoten|Jidosha|Ginko|Byoin|Kyokai|Kumiai|Denshi|Kagaku|Shokuhin|Plaza|House|Valve|Mfg)(?![a-z])"
)
_SYLLABLES = re.compile(
    r"(?:(?:[kgsztdnhbpmrywjf]|[kgnhbpmr]y|sh|ch|ts|tch|ssh|cch|kk|pp|ss|tt)?(?:[aiueo]|oh|ou)|n(?![aiueoy])|m(?=[bpm]))+",
    re.I,
)


def is_person(name: str) -> bool:
    """Not a post, a department, a company or a word for a group."""
    plain = re.sub(f"[{SELECTOR}]", "", name).strip()
    family = plain.split(" ")[0]
    if any(map(_FIELD_WORD.fullmatch, plain.split(" "))) or _GROUP.match(plain):
        return False
    is_family = family in SURNAMES or (is_surname(family) and len(family) > 1 and not kinds(family).common)
    if is_family and (" " in plain or plain == family):
        return True
    return not (
        (ROLE_ENDING.search(plain) and " " not in plain)
        or ROLE_ENDING.search(family)
        or _NO_NAME.fullmatch(plain)
    )


@lru_cache(maxsize=20_000)
def may_be_family(word: str) -> bool:
    """A family name, a place or a word that the dictionary does not have."""
    of_word = kinds(word)
    if len(re.sub(f"[{SELECTOR}]", "", word)) == 1:
        return of_word.surname and word not in NO_SINGLE
    if _POST.search(word) and not (of_word.surname or of_word.place):
        return False
    if re.search("[都道府県市区町村郡駅港線]$", word) and not of_word.surname:
        return False
    is_name = of_word.surname or of_word.place or of_word.given
    return (
        (is_name or not of_word.is_known)
        and not _COUNTED.fullmatch(word)
        and ((of_word.place and len(word) > 2) or is_person(word))
    )


@lru_cache(maxsize=20_000)
def is_sure_surname(word: str) -> bool:
    """A family name that is no other word, or a frequent one or a place."""
    of_word = kinds(word)
    return of_word.surname and (
        not of_word.common or (len(word) > 1 and (of_word.place or folded(word) in SURNAMES))
    )


_ROLE_BEFORE = re.compile("承認|担当|確認|検印|立会|作成|報告|審査|決裁|照査|記録|受付")


@lru_cache(maxsize=20_000)
def may_be_given(word: str) -> bool:
    """Any word that is no post, no unit and no type of account."""
    return not (
        word in NO_GIVEN
        or (len(word) > 1 and _FIELD_WORD.fullmatch(word) is not None)
        or _ROLE_BEFORE.match(word) is not None
        or _POST.search(word)
        or _COUNTED.fullmatch(word)
        or (len(word) > 2 and re.search("[都道府県市区町村]$", word) is not None)
    )


def may_be_pair(family: str, given: str) -> bool:
    first, second = kinds(family), kinds(given)
    if first.common and not first.is_name and not first.place and not second.given:
        return False
    is_family = may_be_family(family) or (second.given and len(family) < 5 and not _POST.search(family))
    return is_family and may_be_given(given)


def is_region(word: str) -> bool:
    """A prefecture, a great city or a part of the country: more often the branch than a person."""
    return _REGION.fullmatch(word) is not None


@lru_cache(maxsize=20_000)
def is_full_name(word: str, is_stated: bool = False) -> bool:
    """外崎寛治: a family name with a given name, without a blank. Where a name is stated, the dictionary may lack one part."""
    for length in (2, 3, 1, 4):
        family, given = word[:length], word[length:]
        if not 1 <= len(given) <= 4 or _POST.search(given) or given in NO_GIVEN or kinds(word).place:
            continue
        first, second = kinds(family), kinds(given)
        if first.surname and length > 1 and (second.given or (not second.is_known and len(given) < 4)):
            return True
        if is_stated and (
            (
                second.given
                and length > 1
                and (first.place or family in SURNAMES or (not first.is_known and len(given) > 1))
            )
            or (first.surname and len(given) < 3 and (length > 2 or family in SURNAMES))
        ):
            return True
    return False


def is_roman_name(text: str) -> bool:
    """Words with capitals of which none is of a company."""
    return _ORGANIZATION.search(text) is None


def is_japanese_word(word: str) -> bool:
    """Whether Latin letters can be read as Japanese syllables: Arakawa."""
    return len(word) > 2 and _SYLLABLES.fullmatch(word) is not None


_KANJI_WORD = re.compile(f"{FAMILY}{KANJI}?")
_PAIR = re.compile(f"({FAMILY}) ({GIVEN})")
_JOINED = re.compile(f"({FAMILY})([ぁ-んァ-ヶー]{{1,5}})")
_KANA = re.compile(
    rf"{KANA_PAIR}|[ァ-ヶー]{{2,8}}|[ぁ-ん]{{2,6}}|[ァ-ヶー]{{1,10}}(?:・[ァ-ヶー]{{1,10}}){{1,3}}"
)
_ROMAN = re.compile(rf"{ROMAN_WORD}(?:,? {ROMAN_WORD}){{0,3}}")
_PART = re.compile(rf"{KANJI}{{1,5}}|[ぁ-んー]{{1,8}}|[ァ-ヶー]{{1,10}}|[A-Z][A-Za-z]+")


@lru_cache(maxsize=20_000)
def is_person_cell(text: str) -> bool:
    """A cell or a field that names a person, where its title says that it does."""
    text = " ".join(text.split())
    if _FIELD_WORD.fullmatch(text):
        return False
    if pair := _PAIR.fullmatch(text):
        return may_be_pair(pair[1], pair[2]) and _FIELD_WORD.fullmatch(pair[2]) is None
    if _KANJI_WORD.fullmatch(text):
        of_word = kinds(text)
        if of_word.is_name:
            return may_be_family(text) or of_word.given
        return is_full_name(text, is_stated=True) or (len(text) < 4 and may_be_family(text))
    if joined := _JOINED.fullmatch(text):
        return kinds(joined[1]).surname and not kinds(text).common
    if _KANA.fullmatch(text):
        parts = [kinds(part) for part in re.split("[ ・]", text)]
        return len(parts) > 1 or parts[0].is_name or not parts[0].is_known
    return _ROMAN.fullmatch(text) is not None and is_roman_name(text) and (" " in text or not text.isupper())


def is_name_part(text: str) -> bool:
    """A cell that may be a family name or a given name alone."""
    text = " ".join(text.split())
    return not _FIELD_WORD.fullmatch(text) and (_PART.fullmatch(text) is not None or is_person_cell(text))
