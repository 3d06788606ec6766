"""Only what the passages support is let through, also piece by piece."""

from __future__ import annotations

import pytest

from chat.checking import CheckedAnswer
from chat.finding import Found
from tests.model_server_double import hit
from workers.contract.specs.serving import SearchHit

RULES = "第6条 試用期間は3か月とし、通算6か月を限度に延長する。\n第7条 異動は30日前に内示する。"
CODES = "E06 空運転 受水槽の水位と呼び水を調べる\nE09 盤内温度の上昇(60℃以上) 換気扇とフィルターを調べる"

LISTED = f"{CODES}\nE10 時計用電池の低下 電池を交換する\n毎月5日には運転時間と起動回数をまとめた便りをお送りします。"
PARTS = "KP-220\n最大流量は毎分80リットルです。\nKP-230\n最大流量は毎分95リットルです。\n点検は毎年1回です。"


PAID = "日帰り出張の日当は、出発から帰着までが8時間以上の場合に支給する。宿泊を伴うときは1日につき3,000円とする。"
PARTS_OF = "質問: ADP-15のダイヤフラムの部品番号は?\n回答: 部品番号はAD-DK15です。"


def checked(answer: str, question: str, *passages: str, size: int = 3) -> CheckedAnswer:
    found = Found(question, [SearchHit.model_validate(hit(text)) for text in passages])
    check = CheckedAnswer(found)
    sent = "".join(check.push(answer[at : at + size]) for at in range(0, len(answer), size))
    assert sent + check.finish() == check.text
    return check


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("question", "answer", "passage", "text", "reason"),
    [
        ("延長は?", "通算6か月です。", RULES, "通算6か月です。", None),
        ("延長は?", " \n通算6か月です。", RULES, "通算6か月です。", None),
        ("延長は?", "通算六ヶ月まで延長します。", RULES, "通算六ヶ月まで延長します。", None),
        ("延長は?", "通算12か月です。", RULES, "", "unsupported"),
        ("内示は?", "内示は30か月前です。", RULES, "", "unsupported"),
        ("延長は?", "通算6か月です。99日前に届けます。", RULES, "通算6か月です。", "rest_withheld"),
        ("3人のときは?", "3人でも通算6か月です。", RULES, "3人でも通算6か月です。", None),
        ("E09は?", "換気扇とフィルターを調べます。", CODES, "換気扇とフィルターを調べます。", None),
        ("E09は?", "受水槽の水位と呼び水を調べる。", CODES, "", "unsupported"),
        ("E09は?", "E07のためケーブルを調べる。", CODES, "", "unsupported"),
        # What stands elsewhere in the passage is not about the code, though the answer says so.
        ("E09は?", "E09は、運転時間と起動回数をまとめた便りをお送りします。", LISTED, "", "unsupported"),
        ("E09は?", "換気扇とフィルターを調べます。", LISTED, "換気扇とフィルターを調べます。", None),
        ("E10は?", "電池を交換する。", LISTED, "電池を交換する。", None),
        ("KP-220は?", "最大流量は毎分80リットルです。", PARTS, "最大流量は毎分80リットルです。", None),
        ("ＫＰ−２２０は?", "点検は毎年1回です。", PARTS, "", "unsupported"),
        # An answer to いくら, 何日 or 何か月 begins with such a quantity, or says that there is none.
        ("日当はいくらですか?", "8時間以上の場合に支給します。", PAID, "", "unsupported"),
        ("日当はいくらですか?", "1日につき3,000円です。", PAID, "1日につき3,000円です。", None),
        ("延長は何か月ですか?", "業務上必要がある場合に延長します。", RULES, "", "unsupported"),
        ("延長は何か月ですか?", "延長しません。", RULES, "延長しません。", None),
        # What only repeats the question is confirmed by the passage or not at all.
        ("延長は9か月ですよね?", "9か月です。", RULES, "", "unsupported"),
        ("延長は6か月ですよね?", "6か月です。", RULES, "6か月です。", None),
        # A code of another kind in the line does not make it one about something else.
        ("ADP-15の部品番号は?", "部品番号はAD-DK15です。", PARTS_OF, "部品番号はAD-DK15です。", None),
        ("延長は?", "資料からは分かりません。", RULES, "", "not_stated"),
        ("延長は?", "試用期間はいつまでですか。", RULES, "", "no_answer"),
        ("延長は?", "", RULES, "", "no_answer"),
        ("延長は?", "限度は通算6か月です。限度は通算6か月です。", RULES, "限度は通算6か月です。", None),
        ("延長は?", "限度は通算6か月です。異動はいつですか?", RULES, "限度は通算6か月です。", None),
        ("How long?", "It is 3か月. It may be 6か月.", RULES, "It is 3か月. It may be 6か月.", None),
    ],
)
def test_sentences_are_let_through_until_one_is_not_supported(question, answer, passage, text, reason, size):
    check = checked(answer, question, passage, size=size)
    assert (check.text, check.reason, check.is_answered) == (text, reason, bool(text))


def test_the_facts_of_a_sentence_stand_in_one_of_the_passages_it_comes_from():
    other = "第9条 慶弔休暇は12日とする。"
    assert checked("異動は12日前に内示する。", "異動は?", RULES, other).reason == "unsupported"


def test_nothing_is_sent_before_its_sentence_is_complete():
    found = Found("延長は?", [SearchHit.model_validate(hit(RULES))])
    check = CheckedAnswer(found)
    assert [check.push(piece) for piece in ("通算", "6か月", "です。", "限度")] == [
        "",
        "",
        "通算6か月です。",
        "",
    ]
    assert check.finish() == "限度"


ALLOWANCES = (
    ("部長・次長", "14,000円", "グリーン車"),
    ("課長", "12,000円", "指定席"),
    ("課長代理", "11,000円", "指定席"),
)
ROWS = [
    (f"職位: {key}\n宿泊料上限: {limit}\n座席: {seat}", f"A{row}:C{row}")
    for row, (key, limit, seat) in enumerate(ALLOWANCES, 2)
]
PROSE = ("職位\t宿泊料上限\t座席\n" + "\n".join("\t".join(row) for row in ALLOWANCES), None)
NAMELESS = [(text.replace("職位: ", ""), cells) for text, cells in ROWS]
FAQ = [
    ("質問: 課長の上限は?\n回答: 12,000円です。", "A2:B2"),
    ("質問: 部長の上限は?\n回答: 14,000円です。", "A3:B3"),
]


STAFF = [
    ("社員番号: 101\n氏名: 佐藤健一\n部署: 営業部\n電話番号: 090-1234-5678", "A2:D2"),
    ("社員番号: 102\n氏名: 田中花子\n部署: 営業部\n電話番号: 022-223-4455", "A3:D3"),
    ("社員番号: 103\n氏名: 髙橋誠\n部署: 総務部\n電話番号: 080-9876-5432", "A4:D4"),
]


@pytest.mark.parametrize(
    ("question", "answer", "is_supported"),
    [
        ("田中花子さんの電話番号は?", "電話番号は022-223-4455です。", True),
        ("田中花子さんの電話番号は?", "電話番号は090-1234-5678です。", False),
        ("営業部の田中花子さんの電話番号は?", "電話番号は090-1234-5678です。", False),
        ("営業部の電話番号は?", "電話番号は090-1234-5678です。", True),
        ("営業部の電話番号は?", "電話番号は080-9876-5432です。", False),
        ("総務部の電話番号は必要ですか?", "電話番号は080-9876-5432です。", True),
    ],
)
def test_a_question_names_a_row_by_any_of_its_cells(question, answer, is_supported):
    hits = [hit(text, cells=cells, kind="sheet", number=1) for text, cells in STAFF]
    check = CheckedAnswer(Found(question, [SearchHit.model_validate(one) for one in hits]))
    check.push(answer)
    assert check.is_answered == is_supported


@pytest.mark.parametrize(
    ("question", "answer", "passages", "is_supported"),
    [
        ("課長の宿泊料の上限は?", "宿泊料の上限は14,000円です。", ROWS, False),
        ("課長の宿泊料の上限は?", "課長の宿泊料の上限は14,000円です。", ROWS, False),
        ("課長の宿泊料の上限は?", "14,000円です。", ROWS, False),
        ("課長の宿泊料の上限は?", "課長の宿泊料の上限は12,000円です。", ROWS, True),
        ("課長の宿泊料の上限は?", "上限は1万2千円です。", ROWS, True),
        ("課長の宿泊料の上限は?", "部長の宿泊料の上限は12,000円です。", ROWS, False),
        ("課長の座席は?", "座席はグリーン車です。", ROWS, False),
        ("課長の座席は?", "座席は指定席です。", ROWS, True),
        # A part of a key names its row, and a longer key is not the shorter one within it.
        ("次長の宿泊料の上限は?", "宿泊料の上限は14,000円です。", ROWS, True),
        ("次長の宿泊料の上限は?", "宿泊料の上限は12,000円です。", ROWS, False),
        ("課長代理の宿泊料の上限は?", "宿泊料の上限は11,000円です。", ROWS, True),
        ("課長代理の宿泊料の上限は?", "宿泊料の上限は12,000円です。", ROWS, False),
        # The text of a Word page repeats the rows.
        ("課長の宿泊料の上限は?", "課長の宿泊料上限は14,000円です。", [*ROWS, PROSE], False),
        ("課長の宿泊料の上限は?", "課長の宿泊料上限は12,000円です。", [*ROWS, PROSE], True),
        ("課長の宿泊料の上限は?", "宿泊料の上限は14,000円です。", NAMELESS, False),
        ("課長の宿泊料の上限は?", "宿泊料の上限は12,000円です。", NAMELESS, True),
        # No key, two keys, a single row and questions as first cells: as any other passage.
        ("宿泊料の上限は?", "宿泊料の上限は14,000円です。", ROWS, True),
        ("部長と課長の宿泊料の上限は?", "宿泊料の上限は14,000円です。", ROWS, True),
        ("課長の宿泊料の上限は?", "宿泊料の上限は14,000円です。", ROWS[:1], True),
        ("課長の上限は?", "14,000円です。", FAQ, True),
    ],
)
def test_a_sentence_does_not_come_from_another_row_than_the_question_names(
    question, answer, passages, is_supported
):
    hits = [hit(text, cells=cells, kind="sheet", number=1) for text, cells in passages]
    check = CheckedAnswer(Found(question, [SearchHit.model_validate(one) for one in hits]))
    check.push(answer)
    assert (check.text, check.reason) == ((answer, None) if is_supported else ("", "unsupported"))


def test_a_row_of_another_document_is_no_row_of_the_table():
    one, other = (hit(ROWS[at][0], cells="A2:C2", document_id=f"file-{at}") for at in (0, 1))
    check = CheckedAnswer(Found("課長の上限は?", [SearchHit.model_validate(each) for each in (one, other)]))
    check.push("宿泊料の上限は14,000円です。")
    assert check.is_answered
