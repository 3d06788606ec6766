"""Records as offices have them, made from words: as many as asked for, of which a known share repeats an earlier one."""

from __future__ import annotations

import random
from collections.abc import Iterator

SUBJECTS = [
    "申請書",
    "点検表",
    "作業票",
    "見積書",
    "契約書",
    "手順書",
    "日報",
    "図面",
    "伝票",
    "台帳",
    "部品",
    "計測器",
    "制服",
    "鍵",
    "車両",
    "倉庫",
    "会議室",
    "端末",
    "名簿",
    "研修",
]
ACTIONS = [
    "提出",
    "確認",
    "保管",
    "返却",
    "更新",
    "廃棄",
    "点検",
    "交換",
    "登録",
    "承認",
    "照合",
    "回収",
    "配布",
    "撮影",
    "記入",
    "清掃",
    "報告",
    "発注",
    "検収",
    "貸出",
]
PLACES = [
    "総務課",
    "品質課",
    "第一工場",
    "第二工場",
    "受付",
    "資材課",
    "経理課",
    "営業所",
    "検査室",
    "現場事務所",
    "出荷場",
    "管理室",
    "医務室",
    "教務室",
    "支店",
]
MANNERS = [
    "速やかに",
    "毎月末までに",
    "二人で",
    "前日までに",
    "書面で",
    "口頭で",
    "必ず",
    "原則として",
    "週に一度",
    "半年ごとに",
    "到着後すぐに",
]
LIMITS = [
    "上長の承認を得る",
    "記録を残す",
    "写しを添える",
    "番号を控える",
    "立会いを求める",
    "保護具を着ける",
    "原本を確かめる",
]
REPEATED_SHARE, ALIKE_SHARE = 0.15, 0.1
_KEPT = 1000
"""Earlier texts that a repetition is drawn from."""


def sentence(random_: random.Random) -> str:
    pick = random_.choice
    number = random_.randrange(1, 100_000)
    return (
        f"{pick(PLACES)}の{pick(SUBJECTS)}{number}号は、{pick(MANNERS)}{pick(PLACES)}へ{pick(ACTIONS)}し、"
        f"{random_.randrange(1, 60)}日以内に{pick(LIMITS)}こと。"
    )


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """Three sentences each, about 150 characters. Of a hundred 15 repeat an earlier text, and 10 do so in other marks."""
    random_ = random.Random(seed)
    kept: list[str] = []
    for _ in range(count):
        draw = random_.random()
        if kept and draw < REPEATED_SHARE + ALIKE_SHARE:
            text = random_.choice(kept)
            yield text if draw < REPEATED_SHARE else text.replace("、", ",").replace("こと。", "こと.")
            continue
        text = "".join(sentence(random_) for _ in range(3))
        if len(kept) < _KEPT:
            kept.append(text)
        else:
            kept[random_.randrange(_KEPT)] = text
        yield text
