"""Text files are decoded as they were written, or refused: also half-width kana, which look like other encodings."""

from __future__ import annotations

import pytest

from workers.engines.ingest.encodings import decode
from workers.engines.shared.runtime import UserError
from workers.engines.shared.text import normalize

TEXTS = (
    "ﾎﾟﾝﾌﾟ ﾄｸﾍﾞﾂ ｶﾞｲﾄﾞ",
    "ｺｰﾄﾞ,ﾋﾝﾒｲ,ｽｳﾘｮｳ\r\nKP-110,ｽｲﾁｭｳﾎﾟﾝﾌﾟ,12\r\nKP-220,ｳｽﾞﾏｷﾎﾟﾝﾌﾟ,3\r\n",
    "部品ｺｰﾄﾞ KP-110 は水中ﾎﾟﾝﾌﾟである。ｶﾞｽｹｯﾄは別売。",
    "ｷｶｲﾉ ﾃﾞﾝｹﾞﾝｦ ｷﾘ､ｶﾊﾞｰｦ ｱｹﾙ｡",
    "ﾈｼﾞ 5",
    "氏名,ﾌﾘｶﾞﾅ\n山田太郎,ﾔﾏﾀﾞ ﾀﾛｳ\n鈴木花子,ｽｽﾞｷ ﾊﾅｺ\n",
    "KP-110,1250,12\n" * 30 + "ｺﾞｳｹｲ,1250,12\n",
    "この規程は、従業員の出張旅費について定める。",
    "部品一覧表",
    "ねじ",
)


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "iso2022_jp_ext", "utf-8", "utf-16"])
@pytest.mark.parametrize("text", TEXTS)
def test_decodes_what_was_encoded(text, encoding):
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "text", ["Le café coûte 5 à l'hôtel. " * 5, "20°C ± 5°, naïve Ångström ÄÖÜ.", "5£ ©2024 «ok»"]
)
def test_western_text_is_refused_rather_than_read_as_kana(text, encoding):
    with pytest.raises(UserError) as refused:
        decode(text.encode(encoding))
    assert refused.value.code == "user.undecodable_text"


def test_voiced_kana_are_composed():
    assert normalize("ﾎﾟﾝﾌﾟ ｶﾞｲﾄﾞ ｳﾞ") == "ポンプ ガイド ヴ"


def _iso_2022_jp(text: str) -> bytes:
    """As mail programs write it: what is not ASCII between the escapes, also row 13 of JIS."""
    lead_and_trail = text.encode("cp932")
    pairs = []
    for lead, trail in zip(lead_and_trail[::2], lead_and_trail[1::2], strict=True):
        row = 2 * (lead - (0x81 if lead < 0xA0 else 0xC1)) + (trail >= 0x9F)
        cell = trail - 0x9F if trail >= 0x9F else trail - 0x40 - (trail > 0x7F)
        pairs.append(bytes((row + 0x21, cell + 0x21)))
    return b"\x1b$B" + b"".join(pairs) + b"\x1b(B"


BEYOND_JIS = "①②㈱㎡Ⅳ№℡の髙﨑さん"


@pytest.mark.parametrize("charset", [None, "iso-2022-jp", "ISO-2022-JP-MS", "euc-jp"])
def test_characters_beyond_jis_are_read_in_iso_2022_jp(charset):
    assert decode(_iso_2022_jp(BEYOND_JIS), charset=charset) == BEYOND_JIS


def test_characters_beyond_jis_are_read_in_euc_jp():
    text = f"部品は{BEYOND_JIS}である。"
    segment = _iso_2022_jp(text)[3:-3]
    assert decode(bytes(each | 0x80 for each in segment)) == text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\x1b(I6^@^\x1b(B end", "ｶﾞﾀﾞ end"),
        (b"a \x0e6^\x0f b \x1b$B\x24\x22\x1b(J.", "a ｶﾞ b あ."),
        (b'\x1b$B$"\n$"\x1b(B', "あ\nあ"),
        (b"\x1b$(D\x30\x21\x1b(B", "丂"),
    ],
)
def test_every_set_of_iso_2022_jp_is_read(content, text):
    assert decode(content, charset="iso-2022-jp") == text


@pytest.mark.parametrize(("content", "byte"), [(b"ab\x1b$B\x24\x22\x7e\x7e\x1b(B", 8), (b"\x1b$B\x24", 4)])
def test_what_no_set_holds_is_refused_with_its_place(content, byte):
    with pytest.raises(UserError) as refused:
        decode(content)
    assert (refused.value.code, refused.value.param) == ("user.undecodable_text", f"byte {byte}")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["第1条 目的\n宿泊費は一泊一万円とする。\n", "KP-110,12\r\n", "a"])
def test_utf_16_without_a_mark_is_known_by_its_zeros(encoding, text):
    assert decode(text.encode(encoding)) == text


def test_a_text_with_zeros_in_it_is_not_utf16(spec_for, parse):
    with pytest.raises(UserError) as refused:
        parse(spec_for("a.txt", b"abc\x00def\x00" * 100))
    assert refused.value.code == "user.wrong_type"
    text = "An ordinary letter. " * 20
    assert parse(spec_for("a.txt", text.encode("utf-16-le")))[0].text == text.strip()
