"""A PDF page is read with the values of its fields and its notes; what cannot be read on it is told."""

from __future__ import annotations

import pytest

from tests.engines.ingest.pdf_files import PICTURE, annotation, field, hexadecimal, pdf_of, shown
from workers.engines.ingest.reading import Output, read

HIDDEN, NOT_ON_SCREEN = 2, 32
PASSWORD = 1 << 13


@pytest.fixture
def look(spec_for):
    """The texts of the pages, and the warnings."""

    def looked(*pages, change=lambda pdf: pdf) -> tuple[list[str], tuple[str, ...]]:
        texts: list[str] = []
        spec = spec_for("a.pdf", change(pdf_of(*pages)))
        with open(spec.path, "rb") as file:
            output = Output(
                lambda done, total: None, lambda page: texts.append(page.text), lambda record: None
            )
            found = read(file, spec, output)
        return texts, found.warnings

    return looked


def value(text: str) -> str:
    return f"/V {hexadecimal(text)}"


def ticked(is_ticked: bool, kind: str = "") -> str:
    state = "Yes" if is_ticked else "Off"
    return f"/V /{state} /AS /{state} {kind} /AP << /N << /Yes << >> /Off << >> >> >>"


def note(text: str) -> str:
    return f"/Contents {hexadecimal(text)}"


END = "申請者は太枠の中を記入し、総務課の窓口へ提出してください。"
FORM = (
    shown("購入申請書", 60, 780) + shown("申請部署", 60, 740) + shown("金額", 60, 700) + shown(END, 60, 600)
)
OPTIONS = f"/Opt [[(a) {hexadecimal('至急')}] [(b) {hexadecimal('通常')}]]"
FIELDS = {
    "beside their labels": (
        [
            field("Tx", (140, 735, 400, 753), value("設備保全課")),
            field("Tx", (140, 695, 400, 713), value("348,000円"), name="g"),
        ],
        f"購入申請書\n申請部署 設備保全課\n金額 348,000円\n{END}",
    ),
    "two on one line, from left to right": (
        [
            field("Tx", (250, 735, 400, 753), value("第二係"), name="b"),
            field("Tx", (140, 735, 240, 753), value("保全課"), name="a"),
        ],
        f"購入申請書\n申請部署 保全課 第二係\n金額\n{END}",
    ),
    "several lines, below their label": (
        [field("Tx", (60, 620, 400, 690), "/Ff 4096 " + value("理由は次のとおり。\n老朽化のため。"))],
        f"購入申請書\n申請部署\n金額\n理由は次のとおり。\n老朽化のため。\n{END}",
    ),
    "before a label": (
        [field("Btn", (40, 736, 52, 750), ticked(True))],
        f"購入申請書\n☑ 申請部署\n金額\n{END}",
    ),
    "boxes, ticked and not": (
        [
            field("Btn", (140, 735, 152, 748), ticked(True), name="a"),
            field("Btn", (140, 695, 152, 708), ticked(False), name="b"),
        ],
        f"購入申請書\n申請部署 ☑\n金額 ☐\n{END}",
    ),
    "what a choice shows rather than its code": (
        [field("Ch", (140, 735, 240, 753), f"/Ff 131072 {OPTIONS} /V (b)")],
        f"購入申請書\n申請部署 通常\n金額\n{END}",
    ),
    "above all text": (
        [field("Tx", (60, 800, 200, 820), value("第12号"))],
        f"第12号\n購入申請書\n申請部署\n金額\n{END}",
    ),
    "no passwords, buttons, empty or hidden ones": (
        [
            field("Tx", (140, 735, 240, 753), f"/Ff {PASSWORD} " + value("ひみつ"), name="a"),
            field("Btn", (250, 735, 300, 753), "/Ff 65536 /MK << /CA (OK) >>", name="b"),
            field("Tx", (140, 695, 240, 713), value(""), name="c"),
            field("Tx", (250, 695, 300, 713), value("隠し"), flags=HIDDEN, name="d"),
            field("Tx", (310, 695, 400, 713), value("裏"), flags=NOT_ON_SCREEN, name="e"),
        ],
        f"購入申請書\n申請部署\n金額\n{END}",
    ),
}


@pytest.mark.parametrize(("fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_values_of_fields_stand_at_their_place(look, fields, expected):
    assert look((FORM, fields))[0] == [expected]


def test_a_value_that_the_page_itself_shows_is_read_once(look):
    drawn = FORM + shown("保全課", 142, 740)
    (text,), _ = look((drawn, [field("Tx", (140, 735, 400, 753), value("保全課"))]))
    assert text.count("保全課") == 1


def test_a_form_without_any_other_text(look):
    fields = [
        field("Tx", (60, 600, 200, 620), value("下"), name="a"),
        field("Tx", (60, 700, 200, 720), value("上"), name="b"),
    ]
    assert look(("", fields)) == (["上\n下"], ())


def test_notes_are_marked_and_stand_below_their_line(look):
    notes = [
        annotation("FreeText", (140, 735, 300, 753), note("部署名は\n正式名で")),
        annotation("Text", (400, 695, 420, 713), note("税込か確認")),
        annotation("Highlight", (60, 600, 90, 612), note("")),
        annotation("Popup", (60, 600, 90, 612), note("窓")),
        annotation("Text", (60, 600, 80, 612), note("消した注釈"), flags=HIDDEN),
        annotation("Link", (60, 600, 90, 612), note("リンク")),
    ]
    assert look((FORM, notes))[0] == [
        f"購入申請書\n申請部署\n【注釈: 部署名は 正式名で】\n金額\n【注釈: 税込か確認】\n{END}"
    ]


TITLE, TEXT = "第1条 目的及び範囲", "この規程は、出張について定める。"
ADJACENT = "".join(
    shown(letter, 50 + 10 * n + dx, 700) for n, letter in enumerate("目的及び範囲") for dx in (0, 0.4)
)
DOUBLES = {
    "drawn again at once": (
        shown(TITLE, 50, 700) + shown(TITLE, 50.3, 700) + shown(TEXT, 50, 680),
        f"{TITLE}\n{TEXT}",
    ),
    "each character twice": (ADJACENT + shown(TEXT, 50, 680), f"目的及び範囲\n{TEXT}"),
    "drawn again at the end, in another size": (
        shown(TITLE, 50, 700)
        + "".join(shown(f"・項目{n}は別に定める。", 50, 680 - 20 * n) for n in range(6))
        + shown(TITLE, 50.4, 700, size=10.01),
        "\n".join([TITLE, *(f"・項目{n}は別に定める。" for n in range(6))]),
    ),
    "a line that is there twice": (shown(TEXT, 50, 700) + shown(TEXT, 50, 680), f"{TEXT}\n{TEXT}"),
    "characters that are there twice": (
        shown("いろいろ、ははは、11100と22200。", 50, 700),
        "いろいろ、ははは、11100と22200。",
    ),
}


@pytest.mark.parametrize(("content", "expected"), DOUBLES.values(), ids=DOUBLES)
def test_characters_that_are_drawn_twice_count_once(look, content, expected):
    assert look((content, []))[0] == [expected]


def test_pages_without_usable_text_are_told(look):
    pages = [
        (shown(TEXT, 50, 700), []),
        ("", []),
        (PICTURE + shown("- 3 -", 280, 30), []),
        (shown("別紙", 50, 700), []),
    ]
    assert look(*pages) == ([TEXT, "", "- 3 -", "別紙"], ("pages_without_text:2:2, 3",))


def test_fonts_that_do_not_say_their_characters_are_told(look):
    garbled = shown(TEXT, 50, 700, font="F2")
    mark = shown("・", 40, 700, font="F2") + shown(TEXT, 50, 700)
    _, warnings = look((shown(TEXT, 50, 700), []), (garbled + shown(TEXT, 50, 600), []), (mark, []))
    assert warnings == ("fonts_without_characters:1:2",)


def test_forms_that_cannot_be_read_are_told(look):
    form = (FORM, [field("Tx", (140, 735, 400, 753), value("保全課"))])
    texts, warnings = look(
        form,
        change=lambda pdf: pdf.replace(b"/AcroForm <<", b"/NeedsRendering true /AcroForm << /XFA [(x)] "),
    )
    assert (texts[0].startswith("購入申請書"), warnings) == (True, ("form_fields_not_read",))
