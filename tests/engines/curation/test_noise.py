"""Noise goes, whatever kind it is of; what an office wrote stays, however many symbols it has."""

from __future__ import annotations

import pytest

from tests.benchmarks.quality_documents import curated, documents_of, read_cases
from workers.contract.specs.curation_steps import NoiseStep
from workers.engines.curation.steps.noise import noise_of
from workers.engines.shared.text import normalize_layout

SENTENCES = "申請書は、出張の三日前までに総務課へ提出してください。宿泊費は一泊一万円を上限とし、領収書を添えて精算します。"
NOISE = {
    "symbols": "■□◆◇○●△▲■□◆◇○●△▲記号",
    "no_words": "- 1 -\n- 2 -\n- 3 -\n- 4 -",
    "no_values": "#REF! | #N/A | 0 | 0\n0 | 0 | #REF! | FALSE",
    "repetition": "月見台精機 技術資料 設備課\n" * 6,
    "keywords": "鍵交換 安い 鍵交換 港区 鍵交換 格安 鍵交換 早い",
    "encoded": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg"
    * 3,
    "markup": "[vc_row][vc_column width='1/2'][/vc_column][/vc_row]\n<br><br>&nbsp;</td></tr></table>",
    "machine_log": "\n".join(f"2026-01-0{day} 00:00:00 INFO worker started pid={day}" for day in range(1, 9)),
    "mail_header": "Received: from a.example by b.example\nMessage-ID: <1@a.example>\nMIME-Version: 1.0",
    "links": "https://a.example/1 https://a.example/2\nhttps://a.example/3",
    "stock_phrases": "ホーム\n会社概要\n製品情報\nお問い合わせ\nサイトマップ",
}
KEPT = (
    "郵便番号 ^\\d{3}-\\d{4}$\n社員番号 ^[A-Z]\\d{5}$\n金額 ^\\d{1,3}(,\\d{3})*$",
    "| A | B |\n|---|---|\n| ○ | × |\n| × | ○ |",
    "梅 ¥7,700 / 竹 ¥9,900 / 松 ¥13,200",
    "CaCO3 + 2HCl → CaCl2 + H2O + CO2↑",
    "型 1100×1100×144、900×1100×130",
    "動画は https://video.example.jp/watch?v=0904418 にあります。",
    "sha256 1b1af5d345c27cca5a4d093a3adf2a104e39dfcf",
    "當院ハ明治三十五年、醫學士某氏ノ創設ニ係リ、貧富ヲ問ハズ病者ヲ診療スルヲ旨トス。",
    "会葬御礼 喪主 二階堂 修 妻 二階堂 瑞枝 長男 二階堂 暁",
    "適合表\nMT25 → フィルタ 1J-204、ベルト A-38、プラグ 不要",
    "本 日 の 会 議 は 中 止 と し ま す",
    "-----BEGIN CERTIFICATE----- の行があるか、ファイルの先頭を見て確かめる。",
    "JANコード 4901234567894、4912345678904 の2品を値下げする。",
    "https://portal.tsukimidai.example/news/0265594180.html を見てください。",
    "台帳は課長の、図面は部長の、鍵は所長の承認を得ること。貸出しも承認を得ること。廃棄も承認を得ること。",
    "会社名 部署名 氏名 住所 電話番号",
    "We accept all major credit cards. Smoking is forbidden.",
    "担当者様\nお世話になっております。納期は10月3日に変わりました。",
)
WRONG_READINGS = (
    ("utf-8", "cp932"),
    ("utf-8", "latin-1"),
    ("utf-8", "cp1252"),
    ("cp932", "latin-1"),
    ("cp932", "utf-8"),
    ("euc_jp", "cp932"),
    ("euc_jp", "latin-1"),
)


@pytest.mark.parametrize("reason", NOISE)
def test_noise_is_known_by_its_kind(reason):
    verdict = noise_of(normalize_layout(NOISE[reason]), NoiseStep(), is_structured=False)
    assert verdict is not None and verdict[0] == reason
    assert reason in NoiseStep.reasons


@pytest.mark.parametrize("text", KEPT)
def test_what_says_something_is_kept(text):
    assert noise_of(normalize_layout(text), NoiseStep(), is_structured=False) is None


@pytest.mark.parametrize(("written", "read"), WRONG_READINGS)
def test_text_in_a_wrong_encoding_is_garbled(written, read):
    text = normalize_layout(SENTENCES.encode(written).decode(read, "replace"))
    verdict = noise_of(text, NoiseStep(), is_structured=False)
    assert verdict is not None and verdict[0] in ("garbled", "symbols")


def test_the_default_recipe_keeps_the_good_half_and_drops_the_noise():
    """The half of the labelled set that rules may be made from; `make bench` measures the other one."""
    cases = read_cases("tune")
    records, dropped, _report = curated({case["id"]: (case["text"], case["page_kind"]) for case in cases})
    kept, touched = documents_of(records), documents_of(dropped)
    good = [case["id"] in kept - touched for case in cases if case["label"] == "good"]
    noise = [case["id"] not in kept for case in cases if case["label"] == "noise"]
    assert sum(good) >= 0.98 * len(good) >= 170
    assert sum(noise) >= 0.9 * len(noise) >= 85
