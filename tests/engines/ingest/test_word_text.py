"""A Word document is read as Word prints it once every tracked change is accepted."""

from __future__ import annotations

import pytest

from tests.engines.ingest import documents


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def ins(content: str) -> str:
    return f'<w:ins w:id="1" w:author="a">{content}</w:ins>'


def deleted(text: str) -> str:
    return f'<w:del w:id="2" w:author="a"><w:r><w:delText>{text}</w:delText></w:r></w:del>'


def p(content: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def end(change: str) -> str:
    """Properties of a paragraph whose end was changed."""
    return f'<w:rPr><w:{change} w:id="3" w:author="a"/></w:rPr>'


def ruby(base: str, reading: str) -> str:
    return (
        f"<w:r><w:ruby><w:rubyPr/><w:rt>{run(reading)}</w:rt><w:rubyBase>{base}</w:rubyBase></w:ruby></w:r>"
    )


def sdt(content: str, properties: str = "") -> str:
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"


def field(instruction: str, result: str | None = None) -> str:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    parts = "".join(f"<w:r><w:instrText>{part}</w:instrText></w:r>" for part in instruction.split("¦"))
    shown = "" if result is None else mark("separate") + run(result)
    return mark("begin") + parts + shown + mark("end")


def cell(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{''.join(rows)}</w:tbl>"


def texts(*words: str) -> list[str]:
    return [cell(p(run(word))) for word in words]


def note(number: int, kind: str = "footnote") -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def box(content: str) -> str:
    """A text box, in the form of new versions of Word and in that of old ones."""
    inside = f"<w:txbxContent>{content}</w:txbxContent>"
    return (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{inside}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{inside}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


def raised(text: str) -> str:
    return f'<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>{text}</w:t></w:r>'


def hidden(text: str, value: str = "", style: str = "") -> str:
    how = f'<w:rStyle w:val="{style}"/>' if style else f"<w:vanish{value}/>"
    return f"<w:r><w:rPr>{how}</w:rPr><w:t>{text}</w:t></w:r>"


EQ = r'EQ \* jc2 \* "Font:MS 明朝" \* hps10 \o\ad(\s\up 9(¦りんぎ¦),稟議)'
PLACEHOLDER = "<w:showingPlcHdr/>"
CONTENTS = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
MERGE_DOWN, MERGED = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"

TEXTS = {
    "inserted words stay, deleted words go": (
        p(run("日当は") + deleted("2,000円") + ins(run("2,500円")) + run("とする。")),
        "日当は2,500円とする。",
    ),
    "an insertion within an insertion": (p(ins(run("一泊") + ins(run("12,000円")))), "一泊12,000円"),
    "moved text stands where it was moved to": (
        p(f"<w:moveFrom>{run('先に読む。')}</w:moveFrom>")
        + p(run("次に読む。"))
        + p(f"<w:moveTo>{run('先に読む。')}</w:moveTo>"),
        "次に読む。\n先に読む。",
    ),
    "a deleted end joins two paragraphs": (
        p(run("前半は残り、"), end("del")) + p(run("後半に続く。")),
        "前半は残り、後半に続く。",
    ),
    "a deleted end before a table": (p(run("表の前。"), end("del")) + tbl(tr(*texts("表"))), "表の前。\n表"),
    "a deleted end at the end": (p(run("最後の文。"), end("del")), "最後の文。"),
    "an inserted end begins a paragraph": (p(run("一。"), end("ins")) + p(run("二。")), "一。\n二。"),
    "an insertion in a hyperlink": (
        p(f"<w:hyperlink>{run('規程')}{ins(run('第3版'))}</w:hyperlink>{run('を見る。')}"),
        "規程第3版を見る。",
    ),
    "an insertion in a cell, an inserted row, a deleted row": (
        tbl(
            tr(cell(p(deleted("旧") + ins(run("新")))), *texts("甲")),
            tr(*texts("入", "乙"), properties='<w:ins w:id="1" w:author="a"/>'),
            tr(*texts("消", "丙"), properties='<w:del w:id="1" w:author="a"/>'),
        ),
        "新 | 甲\n入 | 乙",
    ),
    "a deleted cell": (
        tbl(tr(*texts("甲"), cell(p(run("消")), '<w:cellDel w:id="1" w:author="a"/>'), *texts("乙"))),
        "甲 | 乙",
    ),
    "ruby: the base stays in its word": (
        p(ruby(run("稟議"), "りんぎ") + run("書を出す。")),
        "稟議書を出す。",
    ),
    "ruby over a changed base": (
        p(ruby(deleted("回議") + ins(run("稟議")), "りんぎ") + run("書")),
        "稟議書",
    ),
    "ruby in ruby": (p(ruby(ruby(run("捺印"), "なついん") + run("欄"), "なついんらん")), "捺印欄"),
    "ruby in a hyperlink, a control and a cell": (
        tbl(tr(cell(p(f"<w:hyperlink>{sdt(ruby(run('頒布'), 'はんぷ'))}</w:hyperlink>")), *texts("する"))),
        "頒布 | する",
    ),
    "ruby as an equation of old Word": (p(field(EQ) + run("書を出す。")), "稟議書を出す。"),
    "a field shows its result, not its instruction": (
        p(run("第") + field(" REF _1 \\h ", "3") + run("条を見る。")),
        "第3条を見る。",
    ),
    "a field within the instruction of a field": (
        p(field(" IF 1 = 1 ", None).replace(" 1 = 1 ", " ") + run("後。")),
        "後。",
    ),
    "a field without an end hides nothing": (
        p('<w:r><w:fldChar w:fldCharType="begin"/></w:r>') + p(run("次の段落。")),
        "次の段落。",
    ),
    "a simple field": (p(f'<w:fldSimple w:instr="DATE">{run("2025年4月1日")}</w:fldSimple>'), "2025年4月1日"),
    "controls around runs": (
        p(run("契約先は") + sdt(run("高島鋳造")) + run("である。")),
        "契約先は高島鋳造である。",
    ),
    "controls around paragraphs, nested": (sdt(sdt(p(run("一。")) + p(run("二。")))), "一。\n二。"),
    "controls around rows and cells": (
        tbl(sdt(tr(*texts("甲", "乙"))), tr(sdt("".join(texts("丙"))), *texts("丁"))),
        "甲 | 乙\n丙 | 丁",
    ),
    "a control around a table": (sdt(tbl(tr(*texts("甲", "乙")))), "甲 | 乙"),
    "a control that nobody filled in": (
        p(run("氏名: ") + sdt(run("ここをクリックして入力"), PLACEHOLDER)) + sdt(p(run("入力")), PLACEHOLDER),
        "氏名:",
    ),
    "a table of contents": (sdt(p(run("第1条 目的 1")), CONTENTS) + p(run("本文。")), "本文。"),
    "tags and custom elements": (
        p(f"<w:smartTag>{run('大阪')}</w:smartTag><w:customXml>{run('支店')}</w:customXml>"),
        "大阪支店",
    ),
    "footnotes follow their paragraph": (
        p(run("日当を払う") + note(1) + run("。")) + p(run("次。") + note(2)),
        "日当を払う。\n(注1) 半日の場合は半額とする。\n次。\n(注2) 別表による。",
    ),
    "a footnote in a cell follows the table": (
        tbl(tr(cell(p(run("日当") + note(1))), *texts("千円"))) + p(run("後。")),
        "日当 | 千円\n(注1) 半日の場合は半額とする。\n後。",
    ),
    "endnotes are counted apart": (
        p(run("甲") + note(2) + note(1, "endnote")),
        "甲\n(注1) 別表による。\n(文末注1) 平成12年改正。",
    ),
    "a text box is read once, after its paragraph": (
        p(run("図の") + box(p(run("注意: 高温"))) + run("下。")),
        "図の下。\n注意: 高温",
    ),
    "a merged cell counts for its rows": (
        tbl(
            tr(*texts("区分", "型式")),
            tr(cell(p(run("水中")), MERGE_DOWN), *texts("KP-210")),
            tr(cell(p(""), MERGED), *texts("KP-220")),
        ),
        "区分 | 型式\n水中 | KP-210\n水中 | KP-220",
    ),
    "a header over two rows": (
        tbl(
            tr(
                cell(p(run("型式")), MERGE_DOWN),
                cell(p(run("価格")), '<w:gridSpan w:val="2"/>'),
            ),
            tr(cell(p(""), MERGED), *texts("国内", "輸出")),
            tr(*texts("KP-210", "98,000", "109,000")),
        ),
        "型式 | 価格 国内 | 価格 輸出\nKP-210 | 98,000 | 109,000",
    ),
    "a row that begins later": (
        tbl(
            tr(*texts("甲", "乙")),
            tr(*texts("丙"), properties='<w:gridBefore w:val="1"/>'),
        ),
        "甲 | 乙\n丙",
    ),
    "a table within a cell": (
        tbl(tr(cell(p(run("外。")) + tbl(tr(*texts("内", "1"))) + p("")), *texts("右"))),
        "外。 内 | 1 | 右",
    ),
    "a table of several rows within a cell follows its table": (
        tbl(
            tr(
                cell(p(run("外。")) + tbl(tr(*texts("品名", "数")), tr(*texts("ねじ", "4"))) + p("")),
                *texts("右"),
            )
        ),
        "外。 | 右\n品名 | 数\nねじ | 4",
    ),
    "a table that only places another one": (
        tbl(tr(cell(tbl(tr(*texts("品名", "数")), tr(*texts("ねじ", "4"))) + p("")))),
        "品名 | 数\nねじ | 4",
    ),
    "hidden words are left out": (
        p(run("見せる。") + hidden("隠す。") + hidden("これも見せる。", ' w:val="0"')),
        "見せる。これも見せる。",
    ),
    "words that a style hides": (
        p(run("見せる。") + hidden("隠す。", style="Secret"))
        + p(run("段落も。"), '<w:pStyle w:val="SecretToo"/>'),
        "見せる。",
    ),
    "indentation of code stays, an ideographic space goes": (
        p(run("　設定は次のとおり。")) + p(run("limits:")) + p(run("  pressure: 0.8")),
        "設定は次のとおり。\nlimits:\n  pressure: 0.8",
    ),
    "raised numbers are exponents after a number": (
        p(
            run("圧力は5×10")
            + raised("5")
            + run(" Pa、面積は12 m")
            + raised("2")
            + run("、10")
            + raised("-3")
        ),
        "圧力は5×10^5 Pa、面積は12 m2、10^-3",
    ),
    "line breaks, tabs and hyphens": (
        p(
            "<w:r><w:t>一行目</w:t><w:br/><w:t>KP</w:t><w:noBreakHyphen/><w:t>110</w:t><w:tab/><w:t>済</w:t></w:r>"
        ),
        "一行目\nKP-110 済",
    ),
}
HIDING = (
    '<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Hides"><w:name w:val="Hides"/><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="SecretToo"><w:name w:val="SecretToo"/><w:basedOn w:val="Hides"/></w:style>'
)
NOTES = {
    "footnotes": [p(run("半日の場合は") + ins(run("半額")) + run("とする。")), p(run("別表による。"))],
    "endnotes": [p(run("平成12年改正。"))],
}


@pytest.mark.parametrize(("body", "expected"), TEXTS.values(), ids=TEXTS)
def test_the_final_view(spec_for, parse, body, expected):
    assert parse(spec_for("a.docx", documents.word_xml(body, NOTES, styles=HIDING)))[0].text == expected


def test_headers_and_footers_are_not_in_the_text(spec_for, parse):
    def build(document):
        document.add_paragraph("本文。")
        document.sections[0].header.paragraphs[0].text = "社外秘"
        document.sections[0].footer.paragraphs[0].text = "3 ページ"

    assert [page.text for page in parse(spec_for("a.docx", documents.word(build)))] == ["本文。"]


def test_a_note_that_refers_to_itself_is_read_once(spec_for, parse):
    body, notes = p(run("本文。") + note(1)), {"footnotes": [p(run("注。") + note(1))]}
    assert parse(spec_for("a.docx", documents.word_xml(body, notes)))[0].text == "本文。\n(注1) 注。"


def test_headings_with_changes_begin_sections(spec_for, parse):
    heading = '<w:pStyle w:val="Heading1"/>'
    body = (
        p(ins(run("第1章")) + run(" 総則"), heading)
        + p(run("本文。"))
        + p(run("第2章"), heading)
        + p(run("次。"))
    )
    pages = parse(spec_for("a.docx", documents.word_xml(body)))
    assert [page.label for page in pages] == ["第1章 総則", "第2章"]
