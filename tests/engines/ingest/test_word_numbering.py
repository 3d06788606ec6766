"""The numbers that Word counts by itself are read as Word shows them."""

from __future__ import annotations

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.test_word_text import box, cell, deleted, end, p, run, tbl, tr
from workers.contract.specs.curation_steps import SegmentStep
from workers.contract.specs.retrieval import Chunking
from workers.engines.ingest.parsers.word_counters import written
from workers.engines.retrieval.pieces import split_text
from workers.engines.shared.text import ARTICLE


def lvl(index: int, text: str, number_format: str = "decimal", more: str = "") -> str:
    """A level of a list; `more` may hold its start, suffix, style and the like."""
    form = number_format if number_format.startswith("<") else f'<w:numFmt w:val="{number_format}"/>'
    start = "" if "<w:start " in more else '<w:start w:val="1"/>'
    return f'<w:lvl w:ilvl="{index}">{start}{form}{more}<w:lvlText w:val="{text}"/></w:lvl>'


def abstract(number: int, *levels: str) -> str:
    return f'<w:abstractNum w:abstractNumId="{number}">{"".join(levels)}</w:abstractNum>'


def num(number: int, of: int, overrides: str = "") -> str:
    return f'<w:num w:numId="{number}"><w:abstractNumId w:val="{of}"/>{overrides}</w:num>'


def override(index: int, content: str) -> str:
    return f'<w:lvlOverride w:ilvl="{index}">{content}</w:lvlOverride>'


def begin(index: int, start: int) -> str:
    return override(index, f'<w:startOverride w:val="{start}"/>')


def at(index: int | None, use: int | None = 1) -> str:
    level = "" if index is None else f'<w:ilvl w:val="{index}"/>'
    list_use = "" if use is None else f'<w:numId w:val="{use}"/>'
    return f"<w:numPr>{level}{list_use}</w:numPr>"


def item(text: str, index: int = 0, use: int = 1) -> str:
    return p(run(text), at(index, use))


def styled(text: str, style: str, more: str = "") -> str:
    return p(run(text), f'<w:pStyle w:val="{style}"/>{more}')


def style(name: str, properties: str, based_on: str = "", kind: str = "paragraph") -> str:
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="{kind}" w:styleId="{name}"><w:name w:val="{name}"/>{base}'
        f"<w:pPr>{properties}</w:pPr></w:style>"
    )


ARTICLES = abstract(0, lvl(0, "第%1条"), lvl(1, "%2", "decimalFullWidth"), lvl(2, "（%3）", "aiueoFullWidth"))
OUTLINE = abstract(0, lvl(0, "%1."), lvl(1, "%1.%2"), lvl(2, "%1.%2.%3"))
KANJI = '<w:numFmt w:val="japaneseCounting"/>'
CUSTOM = (
    '<mc:AlternateContent><mc:Choice Requires="w14"><w:numFmt w:val="custom" w:format="001, 002, 003, ..."/>'
    '</mc:Choice><mc:Fallback><w:numFmt w:val="decimal"/></mc:Fallback></mc:AlternateContent>'
)

LISTS = {
    "articles, their paragraphs and items; one paragraph without a number": (
        ARTICLES + num(1, 0),
        item("（目的）この規程は、車両の管理を定める。")
        + item("（運転者）承認を受けた者に限る。")
        + item("承認は一年とする。", 1)
        + item("次を提出する。", 1)
        + item("免許証の写し", 2)
        + item("証明書", 2)
        + p(run("（私用の禁止）私用に供してはならない。"))
        + item("（費用）会社が負担する。"),
        "第1条(目的)この規程は、車両の管理を定める。\n第2条(運転者)承認を受けた者に限る。\n1 承認は一年とする。\n"
        "2 次を提出する。\n(ア) 免許証の写し\n(イ) 証明書\n(私用の禁止)私用に供してはならない。\n第3条(費用)会社が負担する。",
    ),
    "levels within levels begin anew": (
        OUTLINE + num(1, 0),
        item("甲") + item("乙", 1) + item("丙", 1) + item("丁", 2) + item("戊") + item("己", 1),
        "1. 甲\n1.1 乙\n1.2 丙\n1.2.1 丁\n2. 戊\n2.1 己",
    ),
    "a level that never begins anew, and one that does only after the first": (
        abstract(
            0,
            lvl(0, "第%1章"),
            lvl(1, "第%2条", more='<w:lvlRestart w:val="0"/>'),
            lvl(2, "%3号", more='<w:lvlRestart w:val="1"/>'),
        )
        + num(1, 0),
        item("総則")
        + item("目的", 1)
        + item("甲", 2)
        + item("定義", 1)
        + item("乙", 2)
        + item("雑則")
        + item("費用", 1)
        + item("丙", 2),
        "第1章 総則\n第1条 目的\n1号 甲\n第2条 定義\n2号 乙\n第2章 雑則\n第3条 費用\n1号 丙",
    ),
    "legal numbers of chapters in kanji": (
        abstract(0, lvl(0, "第%1章", "japaneseCounting"), lvl(1, "%1.%2", more="<w:isLgl/>")) + num(1, 0),
        item("総則") + item("雑則") + item("費用", 1),
        "第一章 総則\n第二章 雑則\n2.1 費用",
    ),
    "a use that begins anew, one that goes on, one that begins at five": (
        OUTLINE + num(1, 0) + num(2, 0, begin(0, 1)) + num(3, 0) + num(4, 0, begin(0, 5)),
        item("甲")
        + item("乙")
        + item("丙", use=2)
        + item("丁", use=2)
        + item("戊", use=3)
        + item("己", use=4)
        + item("庚", use=4),
        "1. 甲\n2. 乙\n1. 丙\n2. 丁\n3. 戊\n5. 己\n6. 庚",
    ),
    "a use with a level of its own": (
        OUTLINE + num(1, 0, override(0, lvl(0, "問%1", "upperRoman", '<w:suff w:val="nothing"/>'))),
        item("甲") + item("乙", 1),
        "問I甲\nI.1 乙",
    ),
    "two lists count apart": (
        OUTLINE + abstract(1, lvl(0, "(%1)")) + num(1, 0) + num(2, 1),
        item("甲") + item("乙", use=2) + item("丙") + item("丁", use=2),
        "1. 甲\n(1) 乙\n2. 丙\n(2) 丁",
    ),
    "a list that starts at seven, and levels without one above": (
        abstract(0, lvl(0, "%1.", more='<w:start w:val="7"/>'), lvl(1, "%1-%2")) + num(1, 0),
        item("甲", 1) + item("乙", 1),
        "7-1 甲\n7-2 乙",
    ),
    "what follows the number": (
        abstract(
            0,
            lvl(0, "第%1条", more='<w:suff w:val="nothing"/>'),
            lvl(1, "%2、", more='<w:suff w:val="nothing"/>'),
            lvl(2, "%3", more='<w:suff w:val="nothing"/>'),
        )
        + num(1, 0),
        item("　【目的】甲。") + item("乙。") + item("丙", 1) + item("5日", 2),
        "第1条【目的】甲。\n第2条 乙。\n1、丙\n1 5日",
    ),
    "bullets, letters of a font of symbols, no number": (
        abstract(0, lvl(0, "\uf0b7", "bullet"), lvl(1, "●", "bullet"), lvl(2, "備考", "none"), lvl(3, ""))
        + num(1, 0),
        item("甲") + item("乙", 1) + item("丙", 2) + item("丁", 3) + p("", at(0)),
        "・ 甲\n● 乙\n備考 丙\n丁",
    ),
    "a cell of a table that holds its number alone": (
        OUTLINE + num(1, 0),
        tbl(
            *(
                tr(cell(p("", at(0))), cell(p(run(text))), cell(p(run(more), at(1))))
                for text, more in (("甲", "乙"), ("丙", "丁"))
            )
        )
        + item("戊"),
        "1. | 甲 | 1.1 乙\n2. | 丙 | 2.1 丁\n3. 戊",
    ),
    "boxes count after the paragraph that they are anchored in": (
        OUTLINE + num(1, 0),
        p(run("甲") + box(item("乙")), at(0)) + item("丙"),
        "1. 甲\n2. 乙\n3. 丙",
    ),
    "deleted paragraphs and rows do not count": (
        ARTICLES + num(1, 0),
        item("甲。")
        + p(deleted("消。"), at(0) + end("del"))
        + tbl(tr(cell(item("消。")), properties='<w:del w:id="1" w:author="a"/>'))
        + p(f"<w:moveFrom>{run('移。')}</w:moveFrom>", at(0) + end("moveFrom"))
        + item("乙。"),
        "第1条 甲。\n第2条 乙。",
    ),
    "joined paragraphs have the number of the first": (
        OUTLINE + num(1, 0),
        p(run("前半、"), at(0) + end("del")) + item("後半。") + item("次。"),
        "1. 前半、後半。\n2. 次。",
    ),
    "a number taken away, and an unknown list": (
        ARTICLES + num(1, 0),
        item("甲。") + item("乙。", use=0) + item("丙。", use=9) + item("丁。", 12) + item("戊。"),
        "第1条 甲。\n乙。\n丙。\n丁。\n第2条 戊。",
    ),
    "a format of newer versions of Word": (
        abstract(0, lvl(0, "%1", CUSTOM)) + num(1, 0),
        item("甲") + item("乙"),
        "001 甲\n002 乙",
    ),
}


@pytest.mark.parametrize(("numbering", "body", "expected"), LISTS.values(), ids=LISTS)
def test_lists(spec_for, parse, numbering, body, expected):
    assert parse(spec_for("a.docx", documents.word_xml(body, numbering=numbering)))[0].text == expected


LINKED = (
    abstract(
        0,
        lvl(0, "第%1章", more='<w:pStyle w:val="Chapter"/>'),
        lvl(1, "第%2条", more='<w:pStyle w:val="Article"/>'),
        lvl(2, "%3"),
    )
    + '<w:abstractNum w:abstractNumId="1"><w:numStyleLink w:val="ListOfRules"/></w:abstractNum>'
    + num(1, 0)
    + num(2, 1)
)
LINKED_STYLES = (
    style("Chapter", f'{at(None, 1)}<w:outlineLvl w:val="0"/>')
    + style("Article", at(1, 1), "Chapter")
    + style("ArticleToo", '<w:outlineLvl w:val="9"/>', "Article")
    + style("Clause", at(2, None), "Article")
    + style("Plain", at(None, 0), "Article")
    + style("ListOfRules", at(None, 1), kind="numbering")
    + style("Circle", at(0, 1), "Circle")
)
STYLED = {
    "the level that names the style; an outline level begins a section": (
        styled("総則", "Chapter")
        + styled("（目的）甲。", "ArticleToo")
        + styled("雑則", "Chapter")
        + p(run("乙。")),
        ["第1章 総則\n第1条(目的)甲。", "第2章 雑則\n乙。"],
    ),
    "a style based on a numbered one, one that only changes the level, one that takes the number away": (
        styled("甲。", "ArticleToo") + styled("乙。", "Clause", '<w:outlineLvl w:val="9"/>'),
        ["第1条 甲。\n1 乙。"],
    ),
    "a style that takes the number away": (
        styled("甲。", "ArticleToo") + styled("乙。", "Plain", '<w:outlineLvl w:val="9"/>'),
        ["第1条 甲。\n乙。"],
    ),
    "the paragraph itself comes first": (
        styled("甲。", "ArticleToo")
        + styled("乙。", "ArticleToo", at(None, 0))
        + styled("丙。", "ArticleToo"),
        ["第1条 甲。\n乙。\n第2条 丙。"],
    ),
    "a list by its style, shared with the list itself": (item("甲", 2, 2) + item("乙", 2, 1), ["1 甲\n2 乙"]),
    "a style based on itself": (styled("甲", "Circle"), ["第1章 甲"]),
}


@pytest.mark.parametrize(("body", "expected"), STYLED.values(), ids=STYLED)
def test_numbers_of_styles(spec_for, parse, body, expected):
    content = documents.word_xml(body, numbering=LINKED, styles=LINKED_STYLES)
    assert [page.text for page in parse(spec_for("a.docx", content))] == expected


def test_headings_of_word_count(spec_for, parse):
    """The built-in heading styles have an outline level; the list is bound to them by style alone."""
    numbering = abstract(0, lvl(0, "第%1章", KANJI, '<w:pStyle w:val="Heading1"/>')) + num(1, 0)
    body = "".join(styled(text, "Heading1", at(0)) + p(run("本文。")) for text in ("総則", "雑則"))
    pages = parse(spec_for("a.docx", documents.word_xml(body, numbering=numbering)))
    assert [page.label for page in pages] == ["第一章 総則", "第二章 雑則"]


def test_numbered_articles_are_articles(spec_for, parse):
    body = (
        item("（目的）この規程は、車両の管理を定める。")
        + item("管理者は、台帳を備える。")
        + item("（費用）会社が負担する。")
    )
    (page,) = parse(spec_for("a.docx", documents.word_xml(body, numbering=ARTICLES + num(1, 0))))
    assert SegmentStep().split_articles and len(ARTICLE.findall(page.text)) == 3
    assert split_text(page.text, Chunking()) == page.text.split("\n")


FORMATS = {
    "decimal": "1 2 9 10 11 12 20 21",
    "decimalZero": "01 02 09 10 11 12 20 21",
    "decimalFullWidth": "1 2 9 10 11 12 20 21",
    "decimalEnclosedCircle": "① ② ⑨ ⑩ ⑪ ⑫ ⑳ 21",
    "decimalEnclosedParen": "(1) (2) (9) (10) (11) (12) (20) (21)",
    "japaneseCounting": "一 二 九 十 十一 十二 二十 二十一",
    "japaneseLegal": "壱 弐 九 壱拾 壱拾壱 壱拾弐 弐拾 弐拾壱",
    "ideographDigital": "一 二 九 一〇 一一 一二 二〇 二一",
    "ideographTraditional": "甲 乙 壬 癸 甲 乙 癸 甲",
    "aiueo": "ア イ ケ コ サ シ ト ナ",
    "aiueoFullWidth": "ア イ ケ コ サ シ ト ナ",
    "iroha": "イ ロ リ ヌ ル ヲ ネ ナ",
    "irohaFullWidth": "イ ロ リ ヌ ル ヲ ネ ナ",
    "upperRoman": "I II IX X XI XII XX XXI",
    "lowerRoman": "i ii ix x xi xii xx xxi",
    "upperLetter": "A B I J K L T U",
    "lowerLetter": "a b i j k l t u",
    "ordinal": "1st 2nd 9th 10th 11th 12th 20th 21st",
    "none": "       ",
    "unknown": "1 2 9 10 11 12 20 21",
}


@pytest.mark.parametrize(("number_format", "expected"), FORMATS.items())
def test_number_formats(number_format, expected):
    assert [written(n, number_format) for n in (1, 2, 9, 10, 11, 12, 20, 21)] == expected.split(" ")


@pytest.mark.parametrize(
    ("number_format", "number", "expected"),
    [
        ("upperLetter", 27, "AA"),
        ("lowerLetter", 54, "bbb"),
        ("aiueo", 47, "ア"),
        ("japaneseCounting", 110, "百十"),
        ("japaneseCounting", 12345, "一万二千三百四十五"),
        ("japaneseCounting", 0, "〇"),
        ("upperLetter", 2**31, "2147483648"),
        ("upperRoman", 4000, "4000"),
    ],
)
def test_numbers_beyond_a_format(number_format, number, expected):
    assert written(number, number_format) == expected
