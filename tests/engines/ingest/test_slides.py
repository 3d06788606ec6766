"""A slide is read as a reader takes it: title, then what stands above and left, with tables, charts and notes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.engines.ingest import documents
from tests.engines.ingest.block_lines import block_lines

NAMES = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def para(text: str, properties: str = "") -> str:
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def frame(left: int, top: int, width: int, height: int) -> str:
    return f'<a:off x="{left}" y="{top}"/><a:ext cx="{width}" cy="{height}"/>'


def shape(
    content: str, place: tuple[int, int, int, int] | None = None, mark: str = "", hidden: str = ""
) -> str:
    at = f"<a:xfrm>{frame(*place)}</a:xfrm>" if place else ""
    body = content if content.startswith("<") else para(content)
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="n" {hidden}/><p:nvPr>{mark}</p:nvPr></p:nvSpPr>'
        f"<p:spPr>{at}</p:spPr><p:txBody>{body}</p:txBody></p:sp>"
    )


def graphic(content: str, place: tuple[int, int, int, int]) -> str:
    return f"<p:graphicFrame><p:xfrm>{frame(*place)}</p:xfrm><a:graphic><a:graphicData>{content}</a:graphicData></a:graphic></p:graphicFrame>"


TITLE, BODY = '<p:ph type="title"/>', '<p:ph idx="1"/>'
CELL = "<a:tc><a:txBody>{}</a:txBody></a:tc>"
TABLE = f"<a:tbl><a:tr>{CELL.format(para('品名'))}{CELL.format(para('価格'))}</a:tr></a:tbl>"


def group(*shapes: str, place: tuple[int, int, int, int]) -> str:
    return f"<p:grpSp><p:grpSpPr><a:xfrm>{frame(*place)}</a:xfrm></p:grpSpPr>{''.join(shapes)}</p:grpSp>"


SLIDES = {
    "the title comes first, wherever it stands": (
        shape("本文。", (0, 0, 100, 10)) + shape("題名", (0, 50, 100, 10), TITLE),
        ["heading1 題名", "題名 > paragraph 本文。"],
    ),
    "a title of two lines": (
        shape("<a:p><a:r><a:t>安全の</a:t></a:r><a:br/><a:r><a:t>手引き</a:t></a:r></a:p>", None, TITLE),
        ["heading1 安全の手引き"],
    ),
    "from the top down, not as the file has them": (
        shape("下。", (0, 60, 100, 10)) + shape("上。", (0, 20, 100, 10)),
        ["paragraph 上。", "paragraph 下。"],
    ),
    "rows of boxes, each from the left": (
        shape("右下。", (60, 40, 40, 10))
        + shape("左下。", (0, 41, 40, 10))
        + shape("右上。", (60, 20, 40, 10))
        + shape("左上。", (0, 22, 40, 10)),
        ["paragraph 左上。", "paragraph 右上。", "paragraph 左下。", "paragraph 右下。"],
    ),
    "columns whose headings touch their text": (
        shape("甲案", (0, 20, 45, 10))
        + shape("乙案", (55, 20, 45, 10))
        + shape("甲の説明。", (0, 30, 45, 60))
        + shape("乙の説明。", (55, 30, 45, 60)),
        ["paragraph 甲案", "paragraph 甲の説明。", "paragraph 乙案", "paragraph 乙の説明。"],
    ),
    "a group is read as one": (
        group(shape("二。", (9, 900, 9, 9)), shape("一。", (9, 100, 9, 9)), place=(0, 0, 100, 30))
        + shape("三。", (0, 40, 100, 10)),
        ["paragraph 一。", "paragraph 二。", "paragraph 三。"],
    ),
    "a table stands in its place": (
        shape("後。", (0, 80, 100, 10)) + graphic(TABLE, (0, 40, 100, 20)) + shape("前。", (0, 0, 100, 10)),
        ["paragraph 前。", "table[0] 品名 | 価格", "paragraph 後。"],
    ),
    "items of lists and their levels": (
        shape(
            para("一つ目") + para("内側", '<a:pPr lvl="1"/>') + para("地の文。", "<a:pPr><a:buNone/></a:pPr>"),
            (0, 0, 9, 9),
            BODY,
        )
        + shape(para("印あり", '<a:pPr><a:buChar char="•"/></a:pPr>') + para("印なし"), (0, 20, 9, 9)),
        ["list_item1 一つ目", "list_item2 内側", "paragraph 地の文。", "list_item1 印あり", "paragraph 印なし"],
    ),
    "what stands on every slide, and what is hidden, is left out": (
        shape("3", None, '<p:ph type="sldNum"/>')
        + shape("社外秘", None, '<p:ph type="ftr"/>')
        + shape("2025年", None, '<p:ph type="dt"/>')
        + shape("隠す。", (0, 0, 9, 9), "", 'hidden="1"')
        + shape("見せる。", (0, 0, 9, 9)),
        ["paragraph 見せる。"],
    ),
    "of two forms of one thing the first": (
        f"<mc:AlternateContent><mc:Choice>{shape('新しい。')}</mc:Choice><mc:Fallback>{shape('古い。')}</mc:Fallback></mc:AlternateContent>",
        ["paragraph 新しい。"],
    ),
    "shapes without a place come first": (
        shape("二。", (0, 0, 9, 9)) + shape("一。"),
        ["paragraph 一。", "paragraph 二。"],
    ),
}  # fmt: skip


def _presentation(shapes: str, parts: Mapping[str, tuple[str, str]] | None = None) -> bytes:
    """A slide with these shapes; `parts` that it refers to, by id: the kind of each and its content."""
    archive = documents.slides([""], after=f"<p:cSld {NAMES}><p:spTree>{shapes}</p:spTree></p:cSld>")
    relations = ""
    for relation, (kind, content) in (parts or {}).items():
        archive = documents.with_part(archive, f"ppt/parts/{relation}.xml", content.encode())
        relations += (
            f'<Relationship Id="{relation}" Type="{RELATIONS}/{kind}" Target="../parts/{relation}.xml"/>'
        )
    listed = f"<Relationships>{relations}</Relationships>".encode()
    return documents.with_part(archive, "ppt/slides/_rels/slide1.xml.rels", listed)


@pytest.mark.parametrize(("shapes", "expected"), SLIDES.values(), ids=SLIDES)
def test_the_order_and_the_blocks_of_a_slide(spec_for, parse, shapes, expected):
    assert block_lines(parse(spec_for("a.pptx", _presentation(shapes)))) == expected


def _series(name: str, *values: str) -> str:
    def points(texts: tuple[str, ...]) -> str:
        return "".join(f'<c:pt idx="{n}"><c:v>{text}</c:v></c:pt>' for n, text in enumerate(texts) if text)

    return (
        f"<c:ser><c:tx><c:strRef><c:strCache>{points((name,))}</c:strCache></c:strRef></c:tx>"
        f"<c:cat><c:strRef><c:strCache>{points(('4月', '5月'))}</c:strCache></c:strRef></c:cat>"
        f"<c:val><c:numRef><c:numCache>{points(values)}</c:numCache></c:numRef></c:val></c:ser>"
    )


CHART = (
    f"<c:chartSpace {NAMES}><c:chart><c:title><c:tx><c:rich>{para('売上')}</c:rich></c:tx></c:title><c:plotArea>"
    f"<c:barChart>{_series('国内', '12', '15')}{_series('輸出', '', '3.5')}</c:barChart></c:plotArea></c:chart></c:chartSpace>"
)
LAYOUT = (
    f"<p:sldLayout {NAMES}><p:cSld><p:spTree>"
    + shape("書式", (0, 10, 90, 10), '<p:ph type="body" idx="7"/>')
    + shape("書式", (0, 50, 90, 10), '<p:ph type="body" idx="8"/>')
    + "</p:spTree></p:cSld></p:sldLayout>"
)
NOTES = (
    f"<p:notes {NAMES}><p:cSld><p:spTree>"
    + shape("話す順に説明する。", None, '<p:ph type="body" idx="1"/>')
    + shape("2", None, '<p:ph type="sldNum"/>')
    + "</p:spTree></p:cSld></p:notes>"
)
DIAGRAM = f"<dgm:dataModel {NAMES}><dgm:ptLst><dgm:pt><dgm:t>{para('受付')}</dgm:t></dgm:pt><dgm:pt/></dgm:ptLst></dgm:dataModel>"

PARTS = {
    "a chart is a table of its values": (
        graphic('<c:chart r:id="r9"/>', (0, 0, 9, 9)),
        ("chart", CHART),
        ["paragraph 売上", "table[0] 国内 | 輸出\n4月 | 12\n5月 | 15 | 3.5"],
    ),
    "the words of a diagram": (
        graphic('<dgm:relIds r:dm="r9"/>', (0, 0, 9, 9)),
        ("diagramData", DIAGRAM),
        ["paragraph 受付"],
    ),
    "a diagram whose data are missing": (graphic('<c:chart r:id="r1"/>', (0, 0, 9, 9)), ("x", "<x/>"), []),
    "placeholders stand where the layout puts them": (
        shape("下。", None, '<p:ph type="body" idx="8"/>')
        + shape("上。", None, '<p:ph type="body" idx="7"/>'),
        ("slideLayout", LAYOUT),
        ["list_item1 上。", "list_item1 下。"],
    ),
    "the speaker's notes come last": (
        shape("本文。"),
        ("notesSlide", NOTES),
        ["paragraph 本文。", "note 話す順に説明する。"],
    ),
}


@pytest.mark.parametrize(("shapes", "part", "expected"), PARTS.values(), ids=PARTS)
def test_what_a_slide_refers_to(spec_for, parse, shapes, part, expected):
    content = _presentation(shapes + shape("。", (0, 99, 9, 9)), {"r9": part})
    lines = block_lines(parse(spec_for("a.pptx", content)))
    assert [line for line in lines if line != "paragraph 。"] == expected


def test_many_shapes_take_no_longer_than_their_number(spec_for, parse):
    shapes = "".join(shape(f"{n}。", (n * 7 % 1000, n * 13 % 1000, 30, 30)) for n in range(3000))
    (page,) = parse(spec_for("a.pptx", _presentation(shapes)))
    assert len(page.blocks) == 3000
