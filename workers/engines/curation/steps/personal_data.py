"""Mask personal data: each find becomes a token that names its kind.

Expects normalised text (half-width digits). In doubtful cases nothing is masked, so that product codes stay as they are:
a number with a check digit is masked only if that digit is right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from workers.contract.records import Table
from workers.contract.specs.curation_steps import PersonalDataKind, PersonalDataStep
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.steps.registry import implements
from workers.engines.curation.units import Unit, map_texts, replace_tables

TOKENS: dict[PersonalDataKind, str] = {
    "email": "〔メールアドレス〕",
    "phone": "〔電話番号〕",
    "my_number": "〔マイナンバー〕",
    "credit_card": "〔カード番号〕",
    "postal_address": "〔住所〕",
    "name": "〔氏名〕",
}

_DASH = "[-‐‑–−ー]"
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]+@((?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,})")
_LONG_NUMBER = re.compile(rf"(?<![0-9A-Za-z.])[0-9](?:[ ]?{_DASH}?[ ]?[0-9]){{11,18}}(?![0-9A-Za-z])")
_PHONE = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9]{_DASH})(?:\+81[ -]?\(?0?\)?[1-9][0-9]{{0,3}}|0[1-9][0-9]{{0,3}}|\(0[1-9][0-9]{{0,3}}\))"
    rf"(?:[ ]?{_DASH}[ ]?|\(|\)|[ ])?[0-9]{{1,4}}(?:[ ]?{_DASH}[ ]?|\)|[ ])?[0-9]{{3,4}}(?!{_DASH}?[0-9]|[A-Za-z])"
)
# Free and shared-cost numbers are a company's, never a person's. (080-0… is a mobile number.)
_PUBLIC = re.compile(r"\(?(?:0120|0800|0570|0990)(?![0-9])")
_PREFECTURE = (
    r"(?:東京都|北海道|(?:京都|大阪)府|(?:青森|岩手|宮城|秋田|山形|福島|茨城|栃木|群馬|埼玉|千葉|神奈川|新潟|富山|石川"
    r"|福井|山梨|長野|岐阜|静岡|愛知|三重|滋賀|兵庫|奈良|和歌山|鳥取|島根|岡山|広島|山口|徳島|香川|愛媛|高知|福岡"
    r"|佐賀|長崎|熊本|大分|宮崎|鹿児島|沖縄)県)"
)
_STREET = (
    rf"[0-9]+(?:(?:丁目|番地?|号|{_DASH}|の)[0-9]*)+(?:[ ]?[^\s。、,|()〔〕]{{1,20}}?[0-9]+(?:号室?|階|F))?"
)
_ADDRESS = re.compile(
    rf"(?:〒 ?[0-9]{{3}}{_DASH}?[0-9]{{4}} ?)?{_PREFECTURE}[^\s。、,|()0-9]{{1,25}}{_STREET}|〒 ?[0-9]{{3}}{_DASH}?[0-9]{{4}}"
)
_NAME_LABELS = (
    "氏名",
    "お名前",
    "名前",
    "担当者",
    "担当者名",
    "申請者",
    "申請者名",
    "記入者",
    "社員名",
    "従業員名",
    "name",
)
# 様 and 殿 follow a name; they are not in one.
_KANJI = "(?![様殿])[一-龥々]"
_LETTER = "(?![様殿])[一-龥々ぁ-んァ-ヶー]"
_NAME = (
    rf"(?:{_KANJI}){{1,4}} ?(?:{_LETTER}){{1,6}}|[ァ-ヶー]{{2,8}} [ァ-ヶー]{{2,8}}|[A-Z][a-z]+ [A-Z][A-Za-z]+"
)
_SPACED_NAME = rf"(?:{_KANJI}){{1,4}} (?:{_LETTER}){{1,4}}"
_LABEL = "|".join(sorted(_NAME_LABELS, key=len, reverse=True))
_POST = r"[一-龥々]{0,6}(?:責任者|担当者|管理者|連絡先|請求者|世帯主|保護者|本人)"
# After a label with a colon; after a post and a space, where the name itself is written 姓 名;
# or before a date of birth. Group 1 is kept, group 2 is the name.
_LABELLED_NAMES = (
    re.compile(rf"((?:{_LABEL}|{_POST}(?:氏名)?) ?: ?)({_NAME})(?=$|[\s、。,(\[/様殿氏〔])", re.M | re.I),
    re.compile(rf"((?:{_LABEL}|{_POST}) )({_SPACED_NAME})(?=$|[\s、。,(\[/様殿氏〔])", re.M),
    re.compile(rf"((?:^|[\s、。:]))({_SPACED_NAME})(?= ?\(?生年月日)", re.M),
)
_WHOLE_NAME = re.compile(_NAME)
_ROLE_ENDING = re.compile(r"(?:部|課|室|係|長|者|員|名|店|社|等|欄|担当|責任者|本人|なし|不明)$")
_FIELD_WORD = re.compile(
    r"部署名?|所属先?|役職|職位|職種|電話(?:番号)?|携帯|内線|住所|自宅|性別|年齢|続柄|備考|連絡先|生年月日|入社日|資格|社員番号|印鑑?|日付|区分"
)
_LABEL_ROWS = 5


@implements(PersonalDataStep)
def mask_personal_data(step: PersonalDataStep, units: Iterable[Unit], context: StepContext) -> Iterator[Unit]:
    log = context.log
    change = partial(mask, step=step, found=log.masked)
    for unit in units:
        if unit.is_text and unit.tables:
            tables = tuple(mask_table(table, step, log.masked) for table in unit.tables)
            yield log.passed(unit, replace_tables(unit, tables, change))
        else:
            yield log.passed(unit, map_texts(unit, change))


def mask(text: str, step: PersonalDataStep, found: Counter[str]) -> str:
    """`text` with tokens in place of personal data; counts every find by its kind."""
    for kind, pattern, is_right in _RULES:
        if kind not in step.kinds:
            continue

        def token(match: re.Match[str], kind: PersonalDataKind = kind, is_right: _Check = is_right) -> str:
            if not is_right(match, step):
                return match[0]
            found[kind] += 1
            return TOKENS[kind]

        text = pattern.sub(token, text)
    return _mask_names(text, found) if "name" in step.kinds else text


_Check = Callable[[re.Match[str], PersonalDataStep], bool]
_RULES: tuple[tuple[PersonalDataKind, re.Pattern[str], _Check], ...] = (
    (
        "email",
        _EMAIL,
        lambda match, step: (
            match[1].lower() not in {name.lower().removeprefix("@") for name in step.keep_domains}
        ),
    ),
    ("credit_card", _LONG_NUMBER, lambda match, step: is_card_number(_digits(match[0]))),
    ("my_number", _LONG_NUMBER, lambda match, step: is_my_number(_digits(match[0]))),
    ("phone", _PHONE, lambda match, step: is_phone_number(match[0])),
    ("postal_address", _ADDRESS, lambda match, step: True),
)
"""In this order: a card number must not be taken for two telephone numbers."""


def _mask_names(text: str, found: Counter[str]) -> str:
    def token(match: re.Match[str]) -> str:
        if _ROLE_ENDING.search(match[2]):
            return match[0]
        found["name"] += 1
        return match[1] + TOKENS["name"]

    for pattern in _LABELLED_NAMES:
        text = pattern.sub(token, text)
    return text


def is_card_number(digits: str) -> bool:
    """13 to 19 digits of a known network with a right Luhn digit (ISO/IEC 7812-1)."""
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


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


def is_phone_number(text: str) -> bool:
    """A Japanese number of 10 digits, or 11 for mobile and IP telephones, that may be a person's."""
    digits = _digits(text)
    if text.startswith("+81"):
        digits = "0" + digits.removeprefix("81").removeprefix("0")
    if _PUBLIC.match(text):
        return False
    mobile = re.match(r"0[5-9]0", digits) is not None
    if len(digits) != (11 if mobile else 10):
        return False
    # Without any separator only mobile numbers can be distinguished from serial numbers.
    return mobile or not text.isdigit()


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


# -- tables ---------------------------------------------------------------------------------
def mask_table(table: Table, step: PersonalDataStep, found: Counter[str]) -> Table:
    names = _name_cells(table) if "name" in step.kinds else set()
    found["name"] += len(names)
    rows = tuple(
        tuple(
            TOKENS["name"] if (row, column) in names else mask(cell, step, found)
            for column, cell in enumerate(cells)
        )
        for row, cells in enumerate(table.rows)
    )
    return table.model_copy(update={"rows": rows})


def _name_cells(table: Table) -> set[tuple[int, int]]:
    """Cells below a column titled 氏名, or beside such a label in a form of two columns."""
    cells: set[tuple[int, int]] = set()
    for row, values in enumerate(table.rows):
        for column, value in enumerate(values):
            # Names of columns above one another stand in one cell: 担当者 姓.
            parts = {value.replace(" ", ""), *value.split()}
            if not any(part.casefold() in _NAME_LABELS for part in parts):
                continue
            if len(values) == 2 and column == 0 and is_name(values[1]):
                cells.add((row, 1))
            elif row < _LABEL_ROWS:
                below = range(row + 1, len(table.rows))
                cells |= {(index, column) for index in below if is_name(table.rows[index][column])}
    return cells


def is_name(text: str) -> bool:
    """Looks like a person's name and not like a post, a department or the title of another field."""
    text = text.strip()
    no_name = _ROLE_ENDING.search(text) or _FIELD_WORD.fullmatch(text)
    return no_name is None and _WHOLE_NAME.fullmatch(text) is not None
