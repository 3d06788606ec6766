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
