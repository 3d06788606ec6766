"""Find personal data in texts, tables and pages: where each find stands, and of which kind it is.

Expects normalised text (half-width digits). In doubtful cases nothing is found, so that product codes stay as they are:
a number with a check digit is found only if that digit is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import get_args

from workers.contract.personal_data import TOKENS, Cell, PersonalData, PersonalDataKind, PersonalSpan, merged
from workers.contract.records import Page, Table
from workers.engines.shared.text import CELL_SEPARATOR, row_text

KINDS: tuple[PersonalDataKind, ...] = get_args(PersonalDataKind)

_DASH = "[-‐‑–−ー]"
# A local part has at most 64 characters (RFC 5321); without the limit a long word is read once for each of its letters.
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@((?:[A-Za-z0-9\-]+\.)+[A-Za-z]{2,})")
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


def find(
    text: str, kinds: Sequence[PersonalDataKind] = KINDS, keep_domains: Sequence[str] = ()
) -> list[PersonalSpan]:
    """The finds of these kinds in their order; e-mail addresses of `keep_domains` are none."""
    kept = {name.lower().removeprefix("@") for name in keep_domains}
    marked = _MarkedText(text)
    for kind, pattern, is_right in _RULES:
        if kind in kinds:
            marked.mark(pattern, kind, 0, lambda match, is_right=is_right: is_right(match, kept))
    if "name" in kinds:
        for pattern in _LABELLED_NAMES:
            marked.mark(pattern, "name", 2, lambda match: not _ROLE_ENDING.search(match[2]))
    return merged(marked.spans)


_Check = Callable[[re.Match[str], set[str]], bool]
_RULES: tuple[tuple[PersonalDataKind, re.Pattern[str], _Check], ...] = (
    ("email", _EMAIL, lambda match, kept: match[1].lower() not in kept),
    ("credit_card", _LONG_NUMBER, lambda match, kept: is_card_number(_digits(match[0]))),
    ("my_number", _LONG_NUMBER, lambda match, kept: is_my_number(_digits(match[0]))),
    ("phone", _PHONE, lambda match, kept: is_phone_number(match[0])),
    ("postal_address", _ADDRESS, lambda match, kept: True),
)
"""In this order: a card number must not be taken for two telephone numbers."""


class _MarkedText:
    """A text with tokens in place of what has been found, which the next pattern reads; and the finds' places before."""

    def __init__(self, text: str) -> None:
        self.spans: list[PersonalSpan] = []
        self._text = text
        self._places: Sequence[int] = range(len(text) + 1)
        """Where each character, and the end, was in the text before."""

    def mark(
        self,
        pattern: re.Pattern[str],
        kind: PersonalDataKind,
        group: int,
        is_right: Callable[[re.Match[str]], bool],
    ) -> None:
        found = [match.span(group) for match in pattern.finditer(self._text) if is_right(match)]
        if not found:
            return
        token, parts, places, position = TOKENS[kind], [], [], 0
        for start, end in found:
            parts += [self._text[position:start], token]
            places += [*self._places[position:start], *[self._places[start]] * len(token)]
            self.spans.append(PersonalSpan(kind=kind, start=self._places[start], end=self._places[end]))
            position = end
        self._text = "".join([*parts, self._text[position:]])
        self._places = [*places, *self._places[position:]]


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
def find_in_table(
    table: Table, kinds: Sequence[PersonalDataKind] = KINDS, keep_domains: Sequence[str] = ()
) -> dict[tuple[int, int], list[PersonalSpan]]:
    """The finds in each cell that has some, by row and column. A cell that is a name is one as a whole."""
    names = _name_cells(table) if "name" in kinds else set()
    found = {}
    for row, cells in enumerate(table.rows):
        for column, cell in enumerate(cells):
            if (row, column) in names:
                found[row, column] = [PersonalSpan(kind="name", start=0, end=len(cell))]
            elif spans := find(cell, kinds, keep_domains):
                found[row, column] = spans
    return found


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


# -- pages ----------------------------------------------------------------------------------
def find_on_page(page: Page) -> Iterator[PersonalData]:
    """The finds in the cells of its tables, then those in its text, whose lines of rows have the finds of the cells."""
    lines: dict[str, list[PersonalSpan]] = {}
    for number, table in enumerate(page.tables):
        found = find_in_table(table)
        for (row, column), spans in found.items():
            cell = Cell(table=number, row=row, column=column)
            yield from (PersonalData(page=page.number, cell=cell, span=span) for span in spans)
        for row, cells in enumerate(table.rows):
            in_row = {column: found[row, column] for column in range(len(cells)) if (row, column) in found}
            lines.setdefault(row_text(cells), []).extend(_in_row_text(cells, in_row))
    yield from (PersonalData(page=page.number, span=span) for span in _in_page_text(page.text, lines))


def _in_row_text(cells: Sequence[str], found: Mapping[int, Sequence[PersonalSpan]]) -> Iterator[PersonalSpan]:
    """The finds of a row's cells as spans of `row_text(cells)`."""
    if not found:
        return
    joined, line = CELL_SEPARATOR.join(cells), row_text(tuple(cells))
    places = _places_of_words(joined)
    left = " ".join(joined.split()).find(line)
    begin = 0
    for column, cell in enumerate(cells):
        for span in found.get(column, ()):
            text = joined[begin + span.start : begin + span.end]
            first = begin + span.end - len(text.lstrip())
            last = first + len(text.strip()) - 1
            moved = PersonalSpan(kind=span.kind, start=places[first], end=places[last] + 1)
            if part := moved.within(left, left + len(line), 0):
                yield part
        begin += len(cell) + len(CELL_SEPARATOR)


def _places_of_words(text: str) -> dict[int, int]:
    """Where each character that is no blank stands in `" ".join(text.split())`."""
    places: dict[int, int] = {}
    length = 0
    for word in re.finditer(r"\S+", text):
        places |= {word.start() + index: length + index for index in range(len(word[0]))}
        length += len(word[0]) + 1
    return places


def _in_page_text(text: str, lines: Mapping[str, Sequence[PersonalSpan]]) -> Iterator[PersonalSpan]:
    """`lines`: the finds in each line that is a row of a table. Between two tables the text is read as a whole."""
    position = 0
    for is_row, group in groupby(text.split("\n"), key=lambda line: line in lines and line != ""):
        run = list(group)
        if is_row:
            for line in run:
                yield from _moved(merged(lines[line]), position)
                position += len(line) + 1
            continue
        whole = "\n".join(run)
        body = whole.strip("\n")
        yield from _moved(find(body), position + whole.find(body))
        position += len(whole) + 1


def _moved(spans: Sequence[PersonalSpan], by: int) -> Iterator[PersonalSpan]:
    return (PersonalSpan(kind=span.kind, start=span.start + by, end=span.end + by) for span in spans)
