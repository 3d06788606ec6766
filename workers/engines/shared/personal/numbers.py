"""Telephone, card, individual and corporate numbers: by check digit and by their context."""

from __future__ import annotations

import re
from collections.abc import Iterator

Place = tuple[int, int]

DASH = "[-‐‑‒–—―─−ー－ｰ~〜]"
# A number may be broken over a line end after its dash.
_SEPARATOR = rf" ?{DASH} ?\n?|[ .]"
# The condition on what stands before follows the first character: so the search looks only at digits and brackets.
_LONG_NUMBER = re.compile(rf"[0-9](?<![0-9A-Za-z.].)(?:[ ]?{DASH}?[ ]?[0-9]){{11,18}}(?![0-9A-Za-z])")
_PHONE = re.compile(
    rf"(?:0(?:(?<![0-9A-Za-z.].)|(?<=TEL0)|(?<=FAX0)|(?<=Tel0)|(?<=Fax0))|[(+](?<![0-9.].))(?<![0-9]{DASH}.)"
    rf"(?:(?<=0)[1-9][0-9]{{0,3}}|(?<=\()0[1-9][0-9]{{0,3}}\)"
    rf"|(?:(?<=\+)81|(?<=\()\+81\)|(?<=0)(?:10[- ]?)?081)(?:{_SEPARATOR})?(?:\(0\))?0?[1-9][0-9]{{0,3}})"
    rf"(?P<first>{_SEPARATOR}| ?\(|(?<=\))\n|)(?P<office>[0-9]{{1,4}})(?P<second>{_SEPARATOR}|\) ?|)(?P<line>[0-9]{{4}})"
    rf"(?:[~〜][0-9]{{1,2}}(?![0-9A-Za-z-]))?(?![0-9A-Za-z]|[-‐‑‒–—―─−ー]?[0-9]|\.[0-9])"
)
# Free and shared-cost numbers are a company's, never a person's. (080-0… is a mobile number.)
_PUBLIC = re.compile(r"\(?(?:0120|0800|0570|0990)(?![0-9])")
_ABROAD = re.compile(
    r"\+(?!81)[1-9][0-9]{0,2}[ .-]\(?[0-9]{1,4}\)?(?:[ .-][0-9]{2,4}){1,4}(?![0-9A-Za-z]|[.,-][0-9]| ?[円%人件個万億])"
)
_PHONE_WORD = re.compile(
    r"(?:電話|携帯|直通|代表|連絡先|ファクス|ファックス|発信|着信|架電|tel|fax|phone|mobile|call(?:er)?)[^0-9\n]{0,10}$"
    r"|(?:call|invite|sip|pbx)[^\n]{0,40}(?:from|to|src|dst)[=: ]{1,2}$",
    re.I,
)
_OTHER_NUMBER = re.compile(
    r"(?:(?:注文|発注|受注|製造|受付|管理|整理|伝票|送り状|追跡|問い?合わ?せ|会員|契約|図面|部品|製品|商品|社員|職員|顧客|取引先"
    r"|登録|許可|申請|案件|機器|資産|証券|請求書|見積|文書|通し|予約|ロット|シリアル)(?:番号|コード|no\.?|id)"
    r"|型[番式]|品[番目]|[色図型枝連機管]番|ロット|シリアル|コード|追跡|送り状|isbn|jan|imei|s/n|(?<!カード)(?<!card)(?<!card )(?<!口座)(?<!電話)(?<!法人)(?<!登録)no\.|serial|(?<![a-z])(?:\w+_)?id"
    r"|(?<=[一-龥ァ-ヶーし])(?<!個人)(?<!法人)(?<!登録)(?<!電話)(?<!口座)(?<!携帯)(?<!カード)(?<!先)(?<!の)(?<!旧)(?<!新)番号)[\"')]* ?[:=#はが(]? ?[\"'(「]?$",
    re.I,
)
_IN_URL = re.compile(r"(?:https?|ftps?|file|s3)://[^\s<>\"「」、。]*$")
_CONTEXT = 40
_CALL = 60
_NEAR = 20
_URL_CONTEXT = 200


# What joins the members of a list: 品目 03-3579-2101(軸受)と03-3579-2102.
_JOINS = re.compile(r"(?:\([^()]*\))?[、,とや及び・ ]{1,3}")


def phones(text: str) -> Iterator[Place]:
    other = 0
    for match in _PHONE.finditer(text):
        if not _is_phone(match) or _is_denied(text, match.end()) or _is_of_parts(text, match):
            continue
        if _is_other(text, match.start()) or (other and _JOINS.fullmatch(text, other, match.start())):
            other = match.end()
        else:
            yield match.span()
    if "+" in text:
        for match in _ABROAD.finditer(text):
            if 9 <= len(digits_of(match[0])) <= 15:
                yield match.span()


def _is_phone(match: re.Match[str]) -> bool:
    """A Japanese number of 10 digits, or 11 for mobile and IP telephones, that may be a person's."""
    number = match[0]
    head = number[: match.start("first") - match.start()]
    is_foreign = "+" in head or "081" in head[:6]
    local = digits_of(head)[digits_of(head).index("81") + 2 :] if is_foreign else digits_of(head)
    area = "0" + local.lstrip("0")
    digits = area + match["office"] + match["line"]
    if _PUBLIC.match(number):
        return False
    if is_foreign and area in ("0120", "0570", "0800", "0990"):
        return False
    is_mobile = re.match(r"0[5-9]0", digits) is not None
    if len(digits) != (11 if is_mobile else 10):
        return False
    is_cut = bool(match["first"]) or head.endswith(")")
    if match["second"]:
        # Groups of other lengths are a serial number; no area but Tokyo, Osaka and Saitama has two digits.
        right = len(area) == 3 if is_mobile else len(area) > 2 or area in ("03", "04", "06")
        return is_cut and right
    # Without any separator only mobile numbers can be distinguished from serial numbers.
    if is_mobile or is_cut or is_foreign:
        return True
    before = match.string[max(0, match.start() - _CALL) : match.start()]
    return _PHONE_WORD.search(before) is not None


_DENIED = re.compile(
    r"[^\n。0-9]{0,10}(?:電話|カード|口座|マイナンバー|個人番号|法人番号|番号)(?:の?番号)?(?:で|じゃ)は(?:ない|なく|あり|ござ)"
)
"""What stands after a number that a text warns of: (電話番号ではない)."""


def _is_denied(text: str, end: int) -> bool:
    return _DENIED.match(text, end) is not None


def _is_other(text: str, start: int) -> bool:
    """Part of a URL, or named as another number."""
    if _OTHER_NUMBER.search(text[max(0, start - _NEAR) : start]):
        return True
    before = text[max(0, start - _URL_CONTEXT) : start]
    return "://" in before and _IN_URL.search(before) is not None


def digits_of(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


# -- numbers with a check digit ---------------------------------------------------------------
_CARD_LENGTHS = re.compile(
    r"4[0-9]{15}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[0689][0-9]{12}|35[0-9]{14}|6[0-9]{15}"
)


_PHONE_NEAR = re.compile(
    r"電話|携帯|直通|代表|連絡|ファクス|ファックス|問い?合わ?せ|受付時間|様|さん|氏|〔メール|住所|〒|tel|fax|phone|mobile|call|☎|℡",
    re.I,
)
_PART_WORD = re.compile(
    r"品番|型番|図番|部品|ロット|製番|工番|棚番|機番|線番|(?:注文|受注|発注|伝票|整理|管理|製造|図面|受付|案件|問診|検体|標本|資産)(?:番号|no)|シリアル|追跡|SKU|JAN|ISBN|単価|数量|在庫",
    re.I,
)


def _is_of_parts(text: str, match: re.Match[str]) -> bool:
    """In a list of parts that speaks of no telephone."""
    around = (
        text[max(0, match.start() - _PARAGRAPHS) : match.start()]
        + " "
        + text[match.end() : match.end() + _CONTEXT]
    )
    return _PHONE_NEAR.search(around) is None and _PART_WORD.search(around) is not None


_GROUP = rf"(?: ?{DASH} ?| |の)?"
# In the groups of the card, so that a number beside it (in a list, a date) is not read with it.
_CARD = re.compile(
    rf"[2-6](?<![0-9A-Za-z.].)(?<![0-9]{DASH}.)"
    rf"(?:[0-9]{{3}}(?:{_GROUP}[0-9]{{4}}){{3}}|[0-9]{{3}}{_GROUP}[0-9]{{6}}{_GROUP}[0-9]{{4,5}})(?![0-9A-Za-z]|{DASH}[0-9])"
)


def cards(text: str) -> Iterator[Place]:
    for pattern in (_CARD, _LONG_NUMBER):
        for match in pattern.finditer(text):
            number = match[0]
            if (
                is_card_number(digits_of(number))
                and _are_groups(number)
                and not _is_other(text, match.start())
                and not _is_denied(text, match.end())
                and not _is_of_goods(text, match)
            ):
                yield match.span()


_CARD_WORD = re.compile(
    r"カード番|カード|クレジット|与信|有効期限|期限|決済|不正利用|card|visa|amex|jcb|master|(?<![a-z])pan(?![a-z])"
    r"|様|さん|氏|Mr|Ms|利用者|会員番号|masked|\*{4}",
    re.I,
)
_GOODS_WORD = re.compile(
    r"[発受]注|在庫|棚|倉庫|商品|製品|機器|品番|型番|バーコード|ポイント|パレット|ロット|保守|備品|荷物|部品|点検|検針|メーター"
    r"|(?<![a-z])(?:sku|jan|ean|isbn|imei|iccid|serial|s/n|meter|trace|lot)(?![a-z])",
    re.I,
)


def _is_of_goods(text: str, match: re.Match[str]) -> bool:
    """Among goods and machines, and no word for a card or a person near it: every tenth long number passes Luhn."""
    start, end = match.span()
    around = text[max(0, start - _PARAGRAPHS) : start] + " " + text[end : end + _CONTEXT]
    return _CARD_WORD.search(around) is None and _GOODS_WORD.search(around) is not None


def _are_groups(number: str) -> bool:
    """Written as one number, or in groups of at least four digits."""
    return min(map(len, re.findall("[0-9]+", number)[:-1] or ["0000"])) >= 4


def is_card_number(digits: str) -> bool:
    """A known network's number in its length with a right Luhn digit (ISO/IEC 7812-1)."""
    if not _CARD_LENGTHS.fullmatch(digits) or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


_TWELVE = re.compile(
    rf"[0-9](?<![0-9A-Za-z.].)(?<![0-9]{DASH}.)(?<![0-9]{{4}} .)[0-9]{{3}}(?:(?: ?{DASH} ?| )?[0-9]{{4}}){{2}}"
    rf"(?![0-9A-Za-z]| ?{DASH} ?[0-9]|[ .][0-9]{{4}}(?![0-9/.年-]))"
    # In other groups: 34-9120-5587-68.
    rf"|[0-9](?<![0-9A-Za-z.].)(?<![0-9][- ].)(?=(?:[- ]?[0-9]){{11}}(?![- ]?[0-9]))[0-9]{{0,5}}(?:[- ][0-9]{{1,6}}){{1,5}}(?![0-9A-Za-z]|[- ][0-9])"
)
_MY_NUMBER_WORD = re.compile(
    r"個人番号|マイナンバー|my[ _-]?num(?:ber)?(?![a-z])|kojin_?(?:bango|no)|individual_?number", re.I
)
_NUMBER_WORD = re.compile(r"(?:(?<![一-龥ァ-ヶーし])|(?<=[旧新の同]))番号(?![札順])[^\n]{0,30}$")
_RELATION_BEFORE = re.compile(
    r"(?:本人|配偶者|[夫妻父母子]|[長二三次四][男女]|祖父|祖母|ご?子息|奥様|旦那様|扶養(?:者|親族)?)[のは: (]{0,2}$"
)
_OWNER = re.compile("(?:伝票|製品|部品|商品|品物|荷物|機器|設備|装置|機械|部材|材料|ロット|便|箱|車両)の$")
_AFTER_PERSON = re.compile(r"〔氏名〕(?:様|さん|氏)?[^0-9\n。]{0,16}$")
_PARAGRAPHS = 300
"""Characters before a number in which the word for it may stand: a column has it in its first row."""


def my_numbers(text: str) -> Iterator[Place]:
    """Only where the text calls it so, or after another one: every eleventh number of 12 digits has a right check digit."""
    end = -_PARAGRAPHS
    other = 0
    for match in _TWELVE.finditer(text):
        start = match.start()
        is_other = (
            _is_other(text, start)
            or _is_denied(text, match.end())
            or (other and _JOINS.fullmatch(text, other, start))
        )
        other = match.end() if is_other else other
        if is_other or not is_my_number(digits_of(match[0])):
            continue
        before = text[max(0, start - _PARAGRAPHS) : start]
        number = _NUMBER_WORD.search(before[-_CONTEXT:])
        if (
            start - end < _CONTEXT * 2
            or _MY_NUMBER_WORD.search(before)
            or _RELATION_BEFORE.search(before)
            or (number and not _OWNER.search(before[-_CONTEXT:][: number.start()]))
        ):
            end = match.end()
            yield match.span()


def my_numbers_after_names(text: str) -> Iterator[Place]:
    """In lists of people."""
    for match in _TWELVE.finditer(text):
        if is_my_number(digits_of(match[0])) and not _is_other(text, match.start()):
            before = re.sub(
                "〔(?!氏名)[^〔〕]{2,8}〕", "", text[max(0, match.start() - 3 * _CONTEXT) : match.start()]
            )
            if _AFTER_PERSON.search(before):
                yield match.span()


def is_my_number(digits: str) -> bool:
    """12 digits, the last of them the check digit of the ordinance on individual numbers.

    With P_n the n-th digit from the right of the first eleven and Q_n = n + 1 for n <= 6, else
    n - 5: 11 - (sum of P_n Q_n mod 11), and 0 where the remainder is 0 or 1.
    """
    if len(digits) != 12 or len(set(digits)) == 1:
        return False
    weights = [n + 1 if n <= 6 else n - 5 for n in range(1, 12)]
    rest = sum(int(digit) * weight for digit, weight in zip(reversed(digits[:11]), weights, strict=True)) % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


_THIRTEEN = re.compile(
    rf"(?:(?<![A-Za-z0-9])T{DASH}?)?[0-9](?<![0-9A-SU-Za-z.].)(?:[ -]?[0-9]){{12}}(?![0-9A-Za-z])"
)
_CORPORATE_WORD = re.compile(
    r"法人番号|登録番号|インボイス|適格請求|(?<![一-龥])法人(?![一-龥])|当法人|番号\([^()]*登録|国税庁|公表サイト|十三桁|13桁"
    r"|corporate[ _]?(?:number|no)|corp(?:orate|oration)?(?:_?(?:no|num|number|id))?(?= ?[=:,\t])|h[ou]{1,2}jin_?(?:bango|bangou|no|number)",
    re.I,
)
_COMPANY_BESIDE = re.compile(
    r"\((?:株|有|同|資|名|一社|財|社|医|学|福|宗)\)|(?:株式|有限|合同|合資|合名)会社|法人|組合|商事|商会|興業|興産|工業|産業|運輸|運送|倉庫|製作所|製菓|建設|組$"
)
_BESIDE = 16


def corporate_numbers(text: str) -> Iterator[Place]:
    """After the T of a registration number, after a word for it, or beside a company."""
    end = -_PARAGRAPHS
    for match in _THIRTEEN.finditer(text):
        start, number = match.start(), digits_of(match[0])
        if not is_corporate_number(number) or len(re.findall("[ -]", match[0].lstrip("T-"))) > 4:
            continue
        if match[0][0] != "T" and not _is_corporate(text, start, match.end(), end):
            continue
        end = match.end()
        yield start + match[0].index(number[0]), end


_IN_FORM = re.compile(
    r"[1-9](?:0[1-9]|[1-4][0-9]|50)[0-9]{2}(?:0[1-5])[0-9]{6}|[1-9]00000?[1-3]0[0-9]{6}|[1-9]700150[0-9]{6}"
)
"""Check digit, registry office (its bureau is one of 50), legal form (01 to 05), number in the register; or the State,
a municipality or an association without a register."""


def _is_corporate(text: str, start: int, end: int, last: int) -> bool:
    before = text[max(0, start - _PARAGRAPHS) : start]
    if _CORPORATE_WORD.search(before):
        return not _is_other(text, start) or re.search("(?:法人|登録)番号[^0-9]{0,24}$", before) is not None
    if _is_other(text, start):
        return False
    if _IN_FORM.fullmatch(digits_of(text[start:end])):
        return True
    line = before.rpartition("\n")[2][-_BESIDE:] + " " + text[end : end + _BESIDE].partition("\n")[0]
    return start - last < _CONTEXT * 2 or _COMPANY_BESIDE.search(line) is not None


def is_corporate_number(digits: str) -> bool:
    """13 digits, the first of them the check digit of the ordinance on corporate numbers: 9 less a sum modulo 9."""
    if len(digits) != 13:
        return False
    total = sum(int(digit) * (1 if n % 2 else 2) for n, digit in enumerate(reversed(digits[1:]), 1))
    return int(digits[0]) == 9 - total % 9
