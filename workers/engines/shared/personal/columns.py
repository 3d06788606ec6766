"""Which cells of a table are names, and which words stand above or beside a cell that say what its number is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from workers.engines.shared.personal.shapes import is_name_part, is_person_cell

LABEL_ROWS = 5
Rows = Sequence[Sequence[str]]

_DROPPED = re.compile(
    r"\((?:漢字|カナ|かな|全角|半角|必須|英字|フルネーム|続柄|本人|自署|署名|ローマ字|[ぁ-んァ-ヶ]{1,8})\)|[\s*※:.・]|欄$"
)
_FULL = re.compile(
    r"(?:.{0,8}(?:氏名|姓名|名前|社員名|従業員名|職員名|作業員名?|担当者名?|担当|責任者名?|管理者名?|名義人?|立会人|代理人|受取人|世帯主|保証人"
    r"|配偶者名?|保護者名?|請求者名?|講師名?|本人|ローマ字|英字表記|生徒名|学生名|患者名|利用者名|参加者名|会員名)"
    r"|.{0,4}(?:申請|記入|作成|承認|確認|起案|報告|発信|送信|参加|出席|受講|届出|代表|依頼|点検|作業|操作|運転|被災|発見|受付|審査|検査|測定|記録|発行|立案|提出"
    r"|推薦|紹介|執筆|編集|受領|使用|利用|契約|署名|指導|教育|引継|連絡|対応|調査|同行|出張|購入|立会|判定|監査|評価|主催)(?:者|人|責任者)名?"
    r"|[一-龥]{1,6}(?<![業前後両])者(?:名|氏名)?|(?:[一-龥]{0,4}(?:組合員|会員|借主|貸主|売主|買主|差出人|受取人|委任者|相手方))(?:名|氏名)?"
    r"|.{0,4}(?:乗務員|隊員|選手|園児|児童|生徒|学生|受講生|患者|主治医|医師|看護師|ドライバー|当番|当直|夜勤|日勤|早番|遅番|日直|宿直|司会|担任|顧問|コーチ|照査|起票|検印|承認|確認|作成|審査|リーダー|メンバー)(?:名|氏名)?"
    r"|(?:担当)?(?:営業|技術|経理)担当|担当(?:営業|技術)|member|author|reviewer|reporter|requester|attendee|participant|passenger|pic|pm|pl"
    r"|name|fullname|displayname|guest|cardholder|assignee|(?:contact|employee|staff|person)(?:name|person)?|owner|上司|部下|後任|前任|幹事|議長|書記|監督|宛名|名義)",
    re.I,
)
_READING = re.compile(
    r".{0,6}(?:フリガナ|ふりがな|カナ|かな|ヨミ|よみ|よみがな|ヨミガナ|読み仮名|読み|kana)", re.I
)
_PART = re.compile(
    r"(?:姓|苗字|名字|氏|セイ|メイ|せい|めい|旧姓|(?:first|last|family|given|middle)_?name|surname)(?:カナ|かな|ローマ字)?",
    re.I,
)
_GIVEN = re.compile(r"名(?:カナ|かな|ローマ字)?")
_OTHERS = re.compile(r"品名|製品|商品|会社|店名|企業|法人|取引先|施設|設備|部品|銀行|支店|業者")
_KANA = re.compile(r"[ァ-ヶー ]{2,20}|[ぁ-んー ]{2,20}")
_CONTEXT = re.compile(
    r"電話|携帯|tel|fax|phone|mobile|個人番号|マイナンバー|法人番号|登録番号|口座|生年月日|誕生|出生|パスワード|暗証|トークン|住所|所在地|番地"
    r"|自宅|password|(?<![a-z])(?:pass|pwd?|pin|dob|born|card)(?![a-z])|corp_?no|account|暗号|合言葉|鍵|secret|token|api.?キー|api.?key|address|birth|注文|伝票|製造|追跡|シリアル|ロット|受付|管理|型番|品番|カード",
    re.I,
)


def _title(cell: str) -> str:
    return _DROPPED.sub("", cell)


def name_cells(rows: Rows) -> set[tuple[int, int]]:
    """Cells below a title such as 氏名, 姓 or 担当者, or beside such a label in a form."""
    cells: set[tuple[int, int]] = set()
    for row, values in enumerate(rows):
        titles = [_title(value) for value in values]
        is_form = _is_form(rows, row)
        for column, value in enumerate(values):
            test = _test_for(value, titles, rows)
            if test is None:
                continue
            if is_form and column + 1 < len(values) and test(values[column + 1]):
                cells.add((row, column + 1))
            elif row < LABEL_ROWS and not is_form:
                below = range(row + 1, len(rows))
                cells |= {
                    (index, column)
                    for index in below
                    if column < len(rows[index]) and test(rows[index][column])
                }
    return cells


def _test_for(value: str, titles: Sequence[str], rows: Rows):
    """What a cell below this title must look like to be a name; None for another title."""
    # Names of columns above one another stand in one cell: 担当者 姓.
    parts = {_title(value), *map(_title, value.split())} if len(value) <= 24 else set()
    if any(_PART.fullmatch(part) for part in parts):
        return is_name_part
    if any(_GIVEN.fullmatch(part) for part in parts) and any(_PART.fullmatch(title) for title in titles):
        return is_name_part
    if any(_GIVEN.fullmatch(part) and len(value.split()) > 1 and _FULL.match(value) for part in parts):
        return is_name_part
    if any(_FULL.fullmatch(part) and not _OTHERS.search(part) for part in parts):
        return is_person_cell
    if any(_READING.fullmatch(part) and not _OTHERS.search(part) for part in parts):
        of_others = any(_OTHERS.search(_title(cell)) for line in rows[:LABEL_ROWS] for cell in line)
        of_people = any(_FULL.fullmatch(_title(cell)) for line in rows[:LABEL_ROWS] for cell in line)
        if of_people or not of_others:
            return lambda cell: (
                _KANA.fullmatch(" ".join(cell.split())) is not None and not _READING.fullmatch(cell)
            )
    return None


_FIELD = re.compile(
    r"部署名?|所属(?:先|部署)?|部門|役職|職位|電話(?:番号)?|携帯(?:電話)?|内線|住所|性別|年齢|続柄|備考|連絡先|生年月日|入社日|資格|社員番号|日付|申請日|理由|目的|期間|場所"
    r"|メール(?:アドレス)?|e-?mail|印|tel|fax",
    re.I,
)


@lru_cache(maxsize=20_000)
def is_title(cell: str) -> bool:
    """Of a column with names or numbers of people."""
    title = _title(cell)
    if not title or len(title) > 16 or re.search("[0-9]", title):
        return False
    named = any(pattern.fullmatch(title) for pattern in (_FULL, _READING, _PART))
    return named or _CONTEXT.search(title) is not None


def is_address_title(title: str) -> bool:
    return _ADDRESS.fullmatch(title) is not None


_ADDRESS = re.compile(r".{0,6}(?:住所|所在地|居所|送付先|届け?先|居住地)[0-9]?|address", re.I)


def _is_label(cell: str) -> bool:
    title = _title(cell)
    return any(pattern.fullmatch(title) for pattern in (_FULL, _READING, _FIELD, _PART))


def _is_form(rows: Rows, row: int) -> bool:
    """Labels and values side by side: in two columns, or label, value, label, value."""
    values = rows[row]
    if len(values) == 2:
        others = [line[0] for index, line in enumerate(rows) if index != row and line]
        return not others or any(map(_is_label, others))
    labels, beside = values[0::2], values[1::2]
    return (
        len(values) >= 4
        and all(_is_label(cell) or not cell for cell in labels)
        and not any(map(_is_label, beside))
    )


def contexts(rows: Rows) -> Iterator[tuple[int, int, str]]:
    """Cells with the word above or beside them that says what stands in them."""
    above: dict[int, str] = {}
    for row, values in enumerate(rows):
        is_form = _is_form(rows, row)
        for column, value in enumerate(values):
            label = values[column - 1] if is_form and column % 2 else above.get(column, "")
            title = _title(label)
            if value and title and len(title) <= 16 and _CONTEXT.search(title) and value != label:
                yield row, column, title
            if row < LABEL_ROWS and not is_form and _CONTEXT.search(_title(value)) and len(value) <= 16:
                above[column] = value
