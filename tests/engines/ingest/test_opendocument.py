"""OpenDocument files give pages of the same shape as those of Word, Excel and PowerPoint, in their final view."""

from __future__ import annotations

import pytest

from tests.engines.ingest.opendocument_files import (
    COVERED,
    cell,
    items,
    list_style,
    opendocument,
    p,
    row,
    table,
)
from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError


def heading(text: str, level: int = 1, attributes: str = "") -> str:
    return f'<text:h text:outline-level="{level}" {attributes}>{text}</text:h>'


def note(
    text: str, kind: str = "footnote", citation: str = "<text:note-citation>1</text:note-citation>"
) -> str:
    return f'<text:note text:note-class="{kind}">{citation}<text:note-body>{p(text)}</text:note-body></text:note>'


def text_of(parse, spec_for, body: str, **parts) -> str:
    return "\n".join(page.text for page in parse(spec_for("a.odt", opendocument("text", body, **parts))))


# -- texts ----------------------------------------------------------------------------------
def test_sections_begin_at_headings_of_the_first_two_levels(run, spec_for, parse):
    body = (
        p("前文。")
        + heading("第1章 総則")
        + heading("目的", 2)
        + p("定める。")
        + heading("細則", 3)
        + p("別表。")
    )
    spec = spec_for("rule.odt", opendocument("text", body, title="旅費規程"))
    assert [(page.kind, page.label, page.text) for page in parse(spec)] == [
        ("section", None, "前文。"),
        ("section", "目的", "第1章 総則\n目的\n定める。\n細則\n別表。"),
    ]
    assert read_file(run, spec).title == "旅費規程"


INLINE = {
    "links and spans": ('<text:a>規程</text:a>は<text:span>別紙</text:span>。', "規程は別紙。"),
    "spaces that an element stands for": ('  if x:<text:line-break/><text:s text:c="4"/>return', "if x:\n    return"),
    "layout of the file": ("宿泊費は\n      一万円。", "宿泊費は 一万円。"),
    "tab": ("品名<text:tab/>価格", "品名 価格"),
    "ruby": ("<text:ruby><text:ruby-base>個社</text:ruby-base><text:ruby-text>こしゃ</text:ruby-text></text:ruby>は", "個社は"),
    "comment": ("一万円<office:annotation><text:p>高い</text:p></office:annotation>とする。", "一万円とする。"),
    "placeholder": ("氏名<text:placeholder>&lt;氏名&gt;</text:placeholder>", "氏名"),
    "hidden text": ('表<text:hidden-text text:is-hidden="true">裏</text:hidden-text>', "表"),
    "frame": ("本文。<draw:frame><draw:text-box><text:p>囲み。</text:p></draw:text-box></draw:frame>", "本文。\n囲み。"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "text"), INLINE.values(), ids=INLINE)
def test_a_paragraph_is_read_as_it_is_shown(spec_for, parse, content, text):
    assert text_of(parse, spec_for, p(content)) == text


def test_tracked_changes_are_accepted(spec_for, parse):
    deleted = (
        "<text:changed-region><text:deletion><text:p>八千円</text:p></text:deletion></text:changed-region>"
    )
    body = f"<text:tracked-changes>{deleted}</text:tracked-changes>" + p(
        '宿泊費は<text:change text:change-id="a"/><text:change-start text:change-id="b"/>一万円'
        '<text:change-end text:change-id="b"/>とする。'
    )
    assert text_of(parse, spec_for, body) == "宿泊費は一万円とする。"


def test_notes_follow_their_paragraph_or_table(spec_for, parse):
    own = '<text:note-citation text:label="*">*</text:note-citation>'
    body = p(f"宿泊費{note('税込み。')}と日当{note('巻末。', 'endnote')}。") + p(
        f"別{note('自作の印。', citation=own)}。"
    )
    body += table(row("品名", cell(f"価格{note('税別。')}")), row("ねじ", "100"))
    assert text_of(parse, spec_for, body) == (
        "宿泊費と日当。\n(注1) 税込み。\n(文末注1) 巻末。\n別。\n(注) 自作の印。\n品名 | 価格\nねじ | 100\n(注2) 税別。"
    )


ARTICLES = list_style(
    "A",
    'style:num-format="1" style:num-prefix="第" style:num-suffix="条"',
    'style:num-format="1" loext:num-list-format="(%2%)"',
    'style:num-format="ア, イ, ウ, ..." style:num-suffix="."',
) + list_style("B", 'text:bullet-char="•"') + list_style(
    "C", 'style:num-format="一, 二, 三, ..." style:num-suffix="、"', 'style:num-format="1" text:display-levels="2"'
)  # fmt: skip
LISTS = {
    "levels": (
        items(p("目的") + items(p("細目"), p("別") + items(p("小")))) + p("間。"),
        "目的\n細目\n別\n小\n間。",
    ),
    "levels of a style": (
        items(p("目的") + items(p("細目"), p("別") + items(p("小"))), attributes='text:style-name="A"'),
        "第1条 目的\n(1) 細目\n(2) 別\nア. 小",
    ),
    "a list that continues": (
        items(p("目的"), attributes='text:style-name="A" xml:id="l1"')
        + p("間。")
        + items(p("適用") + items(p("再び")), attributes='text:style-name="A" text:continue-numbering="true"')
        + items(p("他"), attributes='text:style-name="B"')
        + items(p("雑則"), attributes='text:style-name="A" text:continue-list="l1"'),
        "第1条 目的\n間。\n第2条 適用\n(1) 再び\n• 他\n第3条 雑則",
    ),
    "a list that begins anew": (
        items(p("一回目"), attributes='text:style-name="A"')
        + items(p("二回目"), attributes='text:style-name="A"'),
        "第1条 一回目\n第1条 二回目",
    ),
    "numbers of two levels": (
        items(p("総則") + items(p("目的"), p("適用")), p("雑則"), attributes='text:style-name="C"'),
        "一、 総則\n一.1 目的\n一.2 適用\n二、 雑則",
    ),
    "a start, a header and further paragraphs": (
        '<text:list text:style-name="A"><text:list-header><text:p>見出し</text:p></text:list-header>'
        '<text:list-item text:start-value="5"><text:p>五</text:p><text:p>続き</text:p></text:list-item>'
        "<text:list-item><text:p>六</text:p></text:list-item></text:list>",
        "見出し\n第5条 五\n続き\n第6条 六",
    ),
}


@pytest.mark.parametrize(("body", "text"), LISTS.values(), ids=LISTS)
def test_lists_have_the_numbers_that_are_counted(spec_for, parse, body, text):
    assert text_of(parse, spec_for, body, styles=ARTICLES) == text


def test_headings_have_the_numbers_of_the_outline(spec_for, parse):
    outline = (
        '<text:outline-style><text:outline-level-style text:level="1" style:num-format="1" style:num-prefix="第" '
        'style:num-suffix="章"/><text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
        "</text:outline-style>"
    )
    body = (
        heading("総則")
        + heading("目的", 2)
        + p("一。")
        + heading("付録", 1, 'text:is-list-header="true"')
        + p("二。")
    )
    body += heading("雑則") + heading("適用", 2) + p("三。")
    pages = parse(spec_for("a.odt", opendocument("text", body, styles=outline)))
    assert [page.label for page in pages] == ["1.1 目的", "付録", "2.1 適用"]
    assert pages[0].text.startswith("第1章 総則\n")


def test_merged_cells_count_for_every_row_and_column(spec_for, parse):
    body = table(
        row(
            cell("区分", 'table:number-rows-spanned="2"'),
            cell("価格", 'table:number-columns-spanned="2"'),
            COVERED,
        ),
        row(COVERED, "国内", "輸出"),
        row(cell("A", 'table:number-rows-spanned="2"'), "1", "2"),
        row(COVERED, "3", "4"),
    )
    (found,) = parse(spec_for("a.odt", opendocument("text", body)))[0].tables
    assert found.rows == (("区分", "価格 国内", "価格 輸出"), ("A", "1", "2"), ("A", "3", "4"))
    assert (found.cells, found.header_height) == ("A1:C4", 2)


# -- workbooks ------------------------------------------------------------------------------
def number(shown: str, value: str, attributes: str = "") -> str:
    return cell(shown, f'office:value-type="float" office:value="{value}" {attributes}')


def pages_of(parse, spec_for, *sheets: str, styles: str = ""):
    return parse(spec_for("a.ods", opendocument("spreadsheet", "".join(sheets), styles=styles)))


def test_values_are_those_that_are_shown(spec_for, parse):
    sheet = table(
        row("品名", "価格", "発売", "掛率"),
        row(
            "ねじ",
            number("1,200", "1200"),
            cell("2026年4月1日", 'office:value-type="date"'),
            number("25%", "0.25"),
        ),
        row(attributes='table:number-rows-repeated="1048574"'),
        name="価格",
    )
    (page,) = pages_of(parse, spec_for, sheet)
    assert (page.kind, page.label) == ("sheet", "価格")
    assert page.tables[0].rows[1] == ("ねじ", "1,200", "2026年4月1日", "25%")


UNSHOWN = {
    "float": ('office:value-type="float" office:value="80.50"', "80.5"),
    "percentage": ('office:value-type="percentage" office:value="0.25"', "25%"),
    "currency": ('office:value-type="currency" office:value="100" office:currency="JPY"', "100JPY"),
    "date": ('office:value-type="date" office:date-value="2026-04-01T09:30:00"', "2026-04-01 09:30:00"),
    "time": ('office:value-type="time" office:time-value="PT09H30M00S"', "09:30:00"),
    "boolean": ('office:value-type="boolean" office:boolean-value="true"', "TRUE"),
    "string": ('office:value-type="string" office:string-value="ねじ"', "ねじ"),
}


@pytest.mark.parametrize(("attributes", "text"), UNSHOWN.values(), ids=UNSHOWN)
def test_a_value_that_a_program_has_not_written_out_is_read(spec_for, parse, attributes, text):
    assert pages_of(parse, spec_for, table(row("値"), row(cell("", attributes))))[0].tables[0].rows[1] == (
        text,
    )


def test_repeated_rows_and_cells_stand_where_they_are(spec_for, parse):
    sheet = table(
        row(
            cell(attributes='table:number-columns-repeated="2"'),
            "品名",
            cell("同", 'table:number-columns-repeated="2"'),
        ),
        row(
            cell(attributes='table:number-columns-repeated="16384"'),
            attributes='table:number-rows-repeated="3"',
        ),
        row("末", attributes='table:number-rows-repeated="2"'),
    )
    tables = pages_of(parse, spec_for, sheet)[0].tables
    assert [(each.cells, each.rows) for each in tables] == [
        ("C1:E1", (("品名", "同", "同"),)),
        ("A5:A6", (("末",), ("末",))),
    ]


def test_what_is_hidden_is_left_out_and_told(run, spec_for, parse):
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/><table:table-column/>'
    sheet = table(
        columns,
        row("品名", "原価", "価格"),
        row("ねじ", "60", "100"),
        row("旧", "1", "2", attributes='table:visibility="collapse"'),
        row("ばね", "70", "120"),
        name="価格",
    )
    styles = '<style:style style:name="h" style:family="table"><style:table-properties table:display="false"/></style:style>'
    hidden = table(row("秘密"), name="作業用", attributes='table:style-name="h"')
    content = opendocument("spreadsheet", sheet + hidden, styles=styles)
    (page,) = parse(spec_for("a.ods", content))
    assert page.tables[0].rows == (("品名", "価格"), ("ねじ", "100"), ("ばね", "120"))
    assert (page.tables[0].cells, page.tables[0].hidden_rows) == ("A1:C4", (3,))
    assert read_file(run, spec_for("a.ods", content)).warnings == (
        "hidden_sheets_skipped:1",
        "hidden_rows_skipped:1:価格!3",
        "hidden_columns_skipped:1:価格!B",
    )


def test_a_formula_without_its_result_is_shown_and_told(run, spec_for, parse):
    sheet = table(row("価格", "倍"), row("100", cell("", 'table:formula="of:=[.A2]*2"')), name="表")
    spec = spec_for("a.ods", opendocument("spreadsheet", sheet))
    assert parse(spec)[0].tables[0].rows[1] == ("100", "=A2*2")
    assert read_file(run, spec).warnings == ("formulas_without_results:1:表!B2",)


def test_merges_of_a_sheet_are_resolved(spec_for, parse):
    sheet = table(
        row(
            cell("区分", 'table:number-rows-spanned="2"'),
            cell("価格", 'table:number-columns-spanned="2"'),
            COVERED,
        ),
        row(COVERED, "国内", "輸出"),
        row("A", "1", "2"),
    )
    assert pages_of(parse, spec_for, sheet)[0].tables[0].rows[0] == ("区分", "価格 国内", "価格 輸出")


# -- presentations --------------------------------------------------------------------------
def test_slides_have_their_shapes_in_order_and_their_tables(spec_for, parse):
    def box(content: str, attributes: str = "") -> str:
        return f"<draw:frame {attributes}><draw:text-box>{content}</draw:text-box></draw:frame>"

    first = (
        box(p("はじめに"))
        + box(items(p("目的"), p("範囲")))
        + box(p("題名を入力"), 'presentation:placeholder="true"')
    )
    first += f"<draw:frame>{table(row('品名', '価格'), row('ねじ', '100'))}</draw:frame>"
    first += f"<presentation:notes>{box(p('口頭で。'))}</presentation:notes>"
    second = f"<draw:custom-shape>{p('まとめ')}</draw:custom-shape><draw:g><draw:rect>{p('組の中')}</draw:rect></draw:g>"
    body = f"<draw:page>{first}</draw:page><draw:page>{second}</draw:page>"
    pages = parse(spec_for("a.odp", opendocument("presentation", body)))
    assert [(page.kind, page.label, page.text) for page in pages] == [
        ("slide", "はじめに", "はじめに\n目的\n範囲\n品名 | 価格\nねじ | 100"),
        ("slide", "まとめ", "まとめ\n組の中"),
    ]
    assert pages[0].tables[0].rows[1] == ("ねじ", "100")


# -- all of them ----------------------------------------------------------------------------
BODIES = {
    "text": p("本文。"),
    "spreadsheet": table(row("本文。")),
    "presentation": f"<draw:page><draw:frame>{p('本文。')}</draw:frame></draw:page>",
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_template_is_read_as_the_document_that_it_is(spec_for, parse, kind):
    assert parse(spec_for("a", opendocument(kind, BODIES[kind], template=True)))[0].text == "本文。"


BAD = {
    "encrypted": lambda kind: opendocument(kind, BODIES[kind], encrypted=True),
    "damaged_file": lambda kind: opendocument(kind, BODIES[kind])[:-300],
    "no_text": lambda kind: opendocument(kind, ""),
    "wrong_type": lambda kind: opendocument("graphics", BODIES[kind]),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("code", BAD)
def test_bad_files_have_their_codes(spec_for, parse, kind, code):
    with pytest.raises(UserError) as refused:
        parse(spec_for(f"a.od{kind[0]}", BAD[code](kind)))
    assert refused.value.code == f"user.{code}"


@pytest.mark.parametrize("kind", BODIES)
def test_a_text_with_holes_where_entities_stood_is_refused(spec_for, parse, kind):
    body = BODIES[kind].replace("本文。", "前 &a; 後")
    laughing = opendocument(kind, body, document_type='<!DOCTYPE a [<!ENTITY a "ハハ">]>')
    with pytest.raises(UserError) as refused:
        parse(spec_for("a", laughing))
    assert refused.value.code == "user.damaged_file"


@pytest.mark.parametrize("kind", BODIES)
def test_a_broken_part_is_damage(spec_for, parse, kind):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a", opendocument(kind, "<text:p>")))
    assert refused.value.code == "user.damaged_file"
