"""Telephone, card, individual, corporate and account numbers, and dates of birth: by check digit and by their context."""

from __future__ import annotations

import re
from collections.abc import Iterator

Place = tuple[int, int]

DASH = "[-‐‑‒–—―─−ー－ｰ~〜]"
_SEPARATOR = rf" ?{DASH} ?| "
# The condition on what stands before follows the first character: so the search looks only at digits and brackets.
_LONG_NUMBER = re.compile(rf"[0-9](?<![0-9A-Za-z.].)(?:[ ]?{DASH}?[ ]?[0-9]){{11,18}}(?![0-9A-Za-z])")
_PHONE = re.compile(
    rf"[0(+](?<![0-9A-Za-z.].)(?<![0-9]{DASH}.)"
    rf"(?:(?<=0)[1-9][0-9]{{0,3}}|(?<=\()0[1-9][0-9]{{0,3}}\)"
    rf"|(?:(?<=\+)81|(?<=\()\+81\))(?:{_SEPARATOR})?(?:\(0\))?0?[1-9][0-9]{{0,3}})"
    rf"(?P<first>{_SEPARATOR}| ?\(|)(?P<office>[0-9]{{1,4}})(?P<second>{_SEPARATOR}|\) ?|)(?P<line>[0-9]{{4}})"
    rf"(?![0-9A-Za-z]|[-‐‑‒–—―─−ー]?[0-9]|\.[0-9])"
)
# Free and shared-cost numbers are a company's, never a person's. (080-0… is a mobile number.)
_PUBLIC = re.compile(r"\(?(?:0120|0800|0570|0990)(?![0-9])")
_PHONE_WORD = re.compile(
    r"(?:電話|携帯|直通|代表|連絡先|ファクス|ファックス|tel|fax|phone|mobile)[^0-9\n]{0,10}$", re.I
)
_OTHER_NUMBER = re.compile(
    r"(?:(?:注文|発注|受注|製造|受付|管理|整理|伝票|送り状|追跡|問い?合わ?せ|会員|契約|図面|部品|製品|商品|社員|職員|顧客|取引先"
    r"|登録|許可|申請|案件|機器|資産|証券|請求書|見積|文書|通し|予約|ロット|シリアル)(?:番号|コード|no\.?|id)"
    r"|型[番式]|品番|図番|ロット|シリアル|コード|追跡|isbn|jan|s/n|serial|(?<![a-z])(?:\w+_)?id)[\"')]* ?[:=#は(]? ?[\"'(]?$",
    re.I,
)
_IN_URL = re.compile(r"(?:https?|ftps?|file|s3)://[^\s<>\"「」、。]*$")
_CONTEXT = 40
_NEAR = 20
_URL_CONTEXT = 200


def phones(text: str) -> Iterator[Place]:
    for match in _PHONE.finditer(text):
        if _is_phone(match) and not _is_other(text, match.start()):
            yield match.span()


def _is_phone(match: re.Match[str]) -> bool:
    """A Japanese number of 10 digits, or 11 for mobile and IP telephones, that may be a person's."""
    number = match[0]
    head = number[: match.start("first") - match.start()]
    is_foreign = "+" in head
    area = "0" + digits_of(head).removeprefix("81" if is_foreign else "").lstrip("0")
    digits = area + match["office"] + match["line"]
    if _PUBLIC.match(number):
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
    before = match.string[max(0, match.start() - _NEAR) : match.start()]
    return _PHONE_WORD.search(before) is not None


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


def cards(text: str) -> Iterator[Place]:
    for match in _LONG_NUMBER.finditer(text):
        if (
            is_card_number(digits_of(match[0]))
            and _are_groups(match[0])
            and not _is_other(text, match.start())
        ):
            yield match.span()


def _are_groups(number: str) -> bool:
    """Written as one number, or in groups of at least four digits."""
    return min(map(len, re.findall("[0-9]+", number)[:-1] or ["0000"])) >= 4


def is_card_number(digits: str) -> bool:
    """A known network's number in its length with a right Luhn digit (ISO/IEC 7812-1)."""
    if not _CARD_LENGTHS.fullmatch(digits) or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


_MY_NUMBER_WORD = re.compile(
    r"(?:個人番号|マイナンバー|my ?_?number|(?<![一-龥ぁ-んァ-ヶー])番号)[^0-9\n]{0,24}$", re.I
)


def my_numbers(text: str) -> Iterator[Place]:
    """Only where the text calls it so: every eleventh number of 12 digits has a right check digit."""
    for match in _LONG_NUMBER.finditer(text):
        # (12桁) may stand between.
        before = re.sub(r"\([^()]*\)", "", text[max(0, match.start() - _CONTEXT) : match.start()])
        if is_my_number(digits_of(match[0])) and _MY_NUMBER_WORD.search(before):
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


_CORPORATE = re.compile(
    r"(?:法人番号|登録番号|corporate[ _]number)[^0-9\nT]{0,24}(T?[0-9](?:[ -]?[0-9]){12})(?![0-9])"
    r"|(?<![A-Za-z0-9])(T[0-9](?:-?[0-9]){12})(?![0-9A-Za-z])"
)


def corporate_numbers(text: str) -> Iterator[Place]:
    for match in _CORPORATE.finditer(text):
        start, end = match.span(match.lastindex or 0)
        if is_corporate_number(digits_of(text[start:end])):
            yield start + text[start:end].startswith("T"), end


def is_corporate_number(digits: str) -> bool:
    """13 digits, the first of them the check digit of the ordinance on corporate numbers: 9 less a sum modulo 9."""
    if len(digits) != 13:
        return False
    total = sum(int(digit) * (1 if n % 2 else 2) for n, digit in enumerate(reversed(digits[1:]), 1))
    return int(digits[0]) == 9 - total % 9


# -- numbers and dates by their context ---------------------------------------------------------
_ACCOUNT = re.compile(
    rf"(?:(口座番号|account[ _]number)|普通|当座|貯蓄)(?:預金|口座)*[^0-9A-Za-z\n。、]{{0,6}}(?:番号)?[: )]{{0,3}}"
    rf"([0-9](?:{DASH}?[0-9]){{5,7}})(?![0-9A-Za-z]|{DASH}[0-9])"
)
_POSTAL_ACCOUNT = re.compile(r"記号[: ]{0,3}([0-9]{5})[^0-9\n]{1,6}番号[: ]{0,3}([0-9]{6,8})(?![0-9])")
_BANK = re.compile(r"銀行|信用金庫|信金|信用組合|信組|農協|支店|本店|口座|振込|預金")


def accounts(text: str) -> Iterator[Place]:
    if "座" not in text and "普通" not in text and "記号" not in text and "account" not in text:
        return
    for match in _ACCOUNT.finditer(text):
        before = text[max(0, match.start() - _CONTEXT) : match.start(2)].rpartition("\n")[2]
        if match[1] or _BANK.search(before):
            yield match.span(2)
    for match in _POSTAL_ACCOUNT.finditer(text):
        yield match.span(1)
        yield match.span(2)


_YEAR = r"(?:(?:昭和|平成|令和|大正)(?:[0-9]{1,2}|[元一二三四五六七八九十]{1,3})|[STHRM]\.?[0-9]{1,2}|(?:19|20)[0-9]{2})"
_NUMBER = "(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
_DATE = rf"{_YEAR} ?(?:年 ?{_NUMBER} ?月 ?(?:{_NUMBER} ?日)?|[-/.] ?[0-9]{{1,2}} ?[-/.] ?[0-9]{{1,2}})"
_DATE_AFTER = re.compile(rf"[^0-9\n。A-Z昭平令大]{{0,8}}((?:{_DATE}|(?:19|20)[0-9]{{6}}|{_YEAR}年))(?![0-9])")
_DATE_BEFORE = re.compile(rf"(?<![0-9A-Za-z])({_DATE}|{_YEAR}年)(?:\([^()\n]{{1,12}}\))? ?$")
_BIRTH = re.compile(
    r"(?P<label>生年月日|誕生日|誕生年|出生年?月?日|birth_?-?date|date[ _]of[ _]birth|birthday|Birthday|Date of birth|DOB)"
    r"|(?:生まれ(?!変)|生(?=$|[\s、。,)|]))",
    re.M,
)
_DATE_LENGTH = 30


def births(text: str) -> Iterator[Place]:
    for match in _BIRTH.finditer(text):
        if match["label"]:
            # The length of a match with the blanks before it is bounded by the pattern.
            if date := _DATE_AFTER.match(text, match.end()):
                yield date.span(1)
        else:
            begin = max(0, match.start() - _DATE_LENGTH)
            if date := _DATE_BEFORE.search(text[begin : match.start()]):
                yield begin + date.start(1), begin + date.end(1)
