"""Separator, quoting and encoding of CSV and TSV files are found out; nothing of a file is lost by a wrong guess."""

from __future__ import annotations

import codecs

import pytest

from workers.engines.ingest.engine import read_file
from workers.engines.shared.runtime import UserError

ROWS = (
    ("品番", "品名", "備考"),
    ("KP-110", "水中ポンプ", "屋外用,防水"),
    ("KP-220", "渦巻ポンプ", "在庫あり"),
)


def lines(*rows: str, end: str = "\r\n") -> str:
    return end.join(rows) + end


TEXTS = {
    "comma": lines("品番,品名,備考", 'KP-110,水中ポンプ,"屋外用,防水"', "KP-220,渦巻ポンプ,在庫あり"),
    "every cell quoted": lines(
        '"品番","品名","備考"', '"KP-110","水中ポンプ","屋外用,防水"', '"KP-220","渦巻ポンプ","在庫あり"'
    ),
    "tab": lines("品番\t品名\t備考", "KP-110\t水中ポンプ\t屋外用,防水", "KP-220\t渦巻ポンプ\t在庫あり"),
    "semicolon": lines("品番;品名;備考", "KP-110;水中ポンプ;屋外用,防水", "KP-220;渦巻ポンプ;在庫あり"),
    "bar": lines("品番|品名|備考", "KP-110|水中ポンプ|屋外用,防水", "KP-220|渦巻ポンプ|在庫あり"),
    "stated for Excel": lines(
        "sep=;", "品番;品名;備考", "KP-110;水中ポンプ;屋外用,防水", "KP-220;渦巻ポンプ;在庫あり"
    ),
    "without the last line end": "品番\t品名\t備考\nKP-110\t水中ポンプ\t屋外用,防水\nKP-220\t渦巻ポンプ\t在庫あり",
    "line ends of old Macs": lines(
        "品番\t品名\t備考", "KP-110\t水中ポンプ\t屋外用,防水", "KP-220\t渦巻ポンプ\t在庫あり", end="\r"
    ),
}


@pytest.mark.parametrize("name", ["parts.csv", "parts.tsv"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_separator_and_quoting_are_found_out(spec_for, parse, name, text):
    (table,) = parse(spec_for(name, text.encode()))[0].tables
    assert (table.rows, table.cells) == (ROWS, "A1:C3")


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_encoding_is_found_out(spec_for, parse, encoding):
    (table,) = parse(spec_for("parts.csv", TEXTS["comma"].encode(encoding)))[0].tables
    assert table.rows == ROWS


def test_unicode_text_of_excel_is_read(spec_for, parse):
    content = codecs.BOM_UTF16_LE + TEXTS["tab"].encode("utf-16-le")
    assert parse(spec_for("parts.txt", content))[0].text.startswith("品番")
    assert parse(spec_for("parts.csv", content))[0].tables[0].rows == ROWS


def test_a_title_above_the_table_does_not_decide(spec_for, parse):
    page = parse(spec_for("a.csv", "部品表、2026年\n\n品番;価格\nKP-110;1,200\nKP-220;3,400\n".encode()))[0]
    assert page.tables[1].rows[1] == ("KP-110", "1,200")
    assert page.tables[1].cells == "A3:B5"


def test_numbers_with_decimal_commas_are_one_cell(spec_for, parse):
    page = parse(spec_for("a.csv", "長さ;幅\n1,5;2,5\n3,5;4,5\n".encode()))[0]
    assert page.tables[0].rows[2] == ("3,5", "4,5")


def test_a_quote_that_is_not_closed_swallows_no_rows(run, spec_for, parse):
    spec = spec_for("a.csv", '寸法,品名\n3",ねじ\n"5,ばね\n8,板\n'.encode())
    assert [row[1] for row in parse(spec)[0].tables[0].rows] == ["品名", "ねじ", "ばね", "板"]
    assert read_file(run, spec).warnings == ("quotes_not_closed",)


def test_cells_keep_their_lines_and_quotes(spec_for, parse):
    page = parse(spec_for("a.csv", '質問,回答\n"いつ?\n何時?","""10時""と書く"\n'.encode()))[0]
    assert page.tables[0].rows[1] == ("いつ?\n何時?", '"10時"と書く')


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x7fELF" + bytes(60), "wrong_type"),
        (b"a,b\x00\x01\x02\n" * 40, "wrong_type"),
        (b"caf\xe9,na\xefve\n\xff,1\n", "undecodable_text"),
        (b",,,\n,,\n", "no_text"),
    ],
)
def test_bad_files_have_their_codes(spec_for, parse, name, content, code):
    with pytest.raises(UserError) as refused:
        parse(spec_for(name, content))
    assert refused.value.code == f"user.{code}"
