"""RTF is read in its final view, whatever charset its bytes are in and however its writer split them."""

from __future__ import annotations

import pytest

from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError

FONTS = rb"{\fonttbl{\f0\fnil\fcharset128 \'82\'6c\'82\'72 \'96\'be\'92\'a9;}{\f1\fswiss\fcharset0 Arial;}{\f2\fcharset2 Symbol;}}"
STYLES = rb"{\stylesheet{\ql Normal;}{\s1\outlinelevel0 heading 1;}{\s2 \'8c\'a9\'8f\'6f\'82\'b5 2;}{\s3 heading 3;}}"


def rtf(body: bytes, head: bytes = FONTS + STYLES) -> bytes:
    return rb"{\rtf1\ansi\ansicpg932\deff0" + head + body + b"}"


def hexes(text: str, encoding: str = "cp932") -> bytes:
    return b"".join(b"\\'%02x" % each for each in text.encode(encoding))


def as_word_writes(text: str) -> bytes:
    """Plain characters stay what they are, also as the second byte of a pair: テ is `\\'83e`."""
    return b"".join(
        b"\\'%02x" % each if each > 0x7E or each in b"\\{}" else bytes((each,))
        for each in text.encode("cp932")
    )


def unicode(text: str) -> bytes:
    return b"".join(b"\\u%d?" % (code - 0x10000 if code > 0x7FFF else code) for code in map(ord, text))


TEXT = "宿泊費の表示、テスト①と㈱の｛ソ｝。"
SHOWN = "宿泊費の表示、テスト(1)と(株)の{ソ}。"
CHARACTERS = {
    "hexadecimal bytes": (hexes(TEXT), SHOWN),
    "plain second bytes": (as_word_writes(TEXT), SHOWN),
    "bytes in a font that is called Western": (rb"{\f1 " + as_word_writes(TEXT) + b"}", SHOWN),
    "the font for East Asia": (rb"\f1\loch\af1\hich\af1\dbch\af0 " + hexes(TEXT), SHOWN),
    "Unicode": (unicode(TEXT), SHOWN),
    "Unicode with two bytes for old programs": (rb"\uc2\u23487 " + hexes("宿") + b"A", "宿A"),
    "Unicode beyond the first plane": (rb"\u-10174?\u-8285?", "𠮣"),
    "Western letters": (rb"{\f1 caf\'e9}", "café"),
    "signs": (rb"A\tab B\line C\emdash D\~E\_F\{G\}\\", "A B\nC—D E-F{G}\\"),
    "a paragraph by a line end": (b"A\\\nB", "A\nB"),
    "lines of the file": (b"A\r\nB", "AB"),
}


@pytest.mark.parametrize(("body", "text"), CHARACTERS.values(), ids=CHARACTERS)
def test_characters_are_those_that_were_written(spec_for, parse, body, text):
    assert parse(spec_for("a.rtf", rtf(body)))[0].text == text


PARTS = {
    "deleted text": (rb"8{\deleted 000}{\revised 500}\par", "8500"),
    "hidden text": (rb"A{\v B}C", "AC"),
    "a picture": (rb"A{\*\shppict{\pict\pngblip 89504e47}}{\pict\bin3 {{{}C", "AC"),
    "header, comment and unknown parts": (rb"{\header H}A{\*\annotation K}{\*\unknown U}", "A"),
    "a field": (rb'{\field{\*\fldinst HYPERLINK "http://a"}{\fldrslt link}}', "link"),
    "a ruby": (
        rb"{\field{\*\fldinst EQ \\o\\ad(\\s\\up 9("
        + hexes("こしゃ")
        + rb"),"
        + hexes("個社")
        + rb")}{\fldrslt }}A",
        "個社A",
    ),
    "notes": (
        rb"A{\super\chftn{\footnote\pard\plain N1}}B{\footnote\ftnalt N2}\par C{\footnote N3}\par",
        "AB\n(注1) N1\n(文末注1) N2\nC\n(注2) N3",
    ),
    "a text box": (rb"A{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt\pard B\par}}{\shprslt C}}D\par", "AD\nB"),
    "numbers of lists": (
        rb"{\listtext\pard\plain 1.\tab}A\par{\pntext\f2\'b7\tab}B\par{\listtext "
        + hexes("第2条")
        + rb"}C\par",
        "1. A\n・ B\n第2条 C",
    ),
    "bytes of a picture": (rb"A{\pict\bin5 }{\}x}B", "AB"),
}


@pytest.mark.parametrize(("body", "text"), PARTS.values(), ids=PARTS)
def test_each_part_counts_as_it_is_shown(spec_for, parse, body, text):
    assert parse(spec_for("a.rtf", rtf(body)))[0].text == text


def test_sections_begin_at_headings_of_the_first_two_levels(run, spec_for, parse):
    info = rb"{\info{\title " + hexes("旅費規程") + rb"}{\author A}}"
    body = rb"\pard\s1 One\par\pard a\par\pard\s2 Two\par\pard b\par\pard\s3 Three\par\pard\outlinelevel1 Four\par\pard c\par"
    spec = spec_for("a.rtf", rtf(body, FONTS + STYLES + info))
    assert [(page.label, page.text) for page in parse(spec)] == [
        ("One", "One\na"),
        ("Two", "Two\nb\nThree"),
        ("Four", "Four\nc"),
    ]
    assert read_file(run, spec).title == "旅費規程"


def row(*cells: tuple[bytes, int, bytes]) -> bytes:
    """A cell: its text, its right edge and what is said of it."""
    shapes = b"".join(said + rb"\cellx%d" % right for _, right, said in cells)
    return (
        rb"\trowd"
        + shapes
        + rb"\pard\intbl "
        + b"".join(text + rb"\cell " for text, _, _ in cells)
        + rb"\row "
    )


def test_merged_cells_count_for_every_row_and_column(spec_for, parse):
    body = (
        row((b"kind", 1000, rb"\clvmgf"), (b"price", 3000, b""))
        + row((b"", 1000, rb"\clvmrg"), (b"home", 2000, b""), (b"abroad", 3010, b""))
        + row((b"A", 1000, rb"\clvmgf"), (b"1", 2000, b""), (b"2", 3000, b""))
        + row((b"", 1000, rb"\clvmrg"), (rb"3\par 4", 2000, b""), (b"5{\\footnote net}", 3000, b""))
        + rb"\pard after\par"
    )
    (page,) = parse(spec_for("a.rtf", rtf(body)))
    (table,) = page.tables
    assert table.rows == (("kind", "price home", "price abroad"), ("A", "1", "2"), ("A", "3\n4", "5"))
    assert (table.cells, table.header_height) == ("A1:C4", 2)
    assert page.text.endswith("\n(注1) net\nafter")


def test_cells_that_are_merged_across_by_name_are_one(spec_for, parse):
    body = row((b"head", 1000, rb"\clmgf"), (b"", 2000, rb"\clmrg")) + row(
        (b"a", 1000, b""), (b"b", 2000, b"")
    )
    assert parse(spec_for("a.rtf", rtf(body + rb"\pard")))[0].tables[0].rows == (("head", ""), ("a", "b"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (rtf(b"text that ends before its last brace")[:-1], "damaged_file"),
        (b"{\\rtf1" + b"{" * 5000, "damaged_file"),
        (rtf(b""), "no_text"),
        (rtf(rb"\'81\'ff"), "undecodable_text"),
        (b"plain text", "wrong_type"),
    ],
)
def test_bad_files_have_their_codes(spec_for, parse, content, code):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.rtf", content))
    assert refused.value.code == f"user.{code}"


def test_headings_items_notes_and_tables_are_blocks(spec_for, parse):
    body = (
        rb"\pard\s1 One\par\pard{\listtext 1.\tab}a{\footnote n}\par\pard\ilvl1{\listtext (1)\tab}b\par"
        + row((b"x", 9, b""))
    )
    (page,) = parse(spec_for("a.rtf", rtf(body + rb"\pard\s3 Three\par c")))
    assert [(block.kind, block.level, text) for block, text, _ in page.placed_blocks()] == [
        ("heading", 1, "One"),
        ("list_item", 1, "1. a"),
        ("note", None, "(注1) n"),
        ("list_item", 2, "(1) b"),
        ("table", None, "x"),
        ("heading", 3, "Three"),
        ("paragraph", None, "c"),
    ]
