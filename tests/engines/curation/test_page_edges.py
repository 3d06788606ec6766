"""Headers, footers and page numbers go; rows, steps and sentences that repeat at the edges of pages stay."""

from __future__ import annotations

import pytest

from tests.engines.curation.documents import sentence
from workers.engines.curation.page_edges import EdgePage, removable_lines

SHARE = 0.6


def removed(pages: list[list[str]], *, slides: bool = False, share: float = SHARE) -> list[list[str]]:
    looked_at = [EdgePage(number, "\n".join(lines), slides) for number, lines in enumerate(pages, 1)]
    gone = removable_lines(looked_at, share)
    return [[lines[line] for line in sorted(each)] for lines, each in zip(pages, gone, strict=True)]


def framed(top: str = "", bottom: str = "", pages: int = 4) -> list[list[str]]:
    """Pages with a line above and one below their body; `{}` is the number of the page."""
    return [
        [
            *([top.format(number)] if top else []),
            sentence(number),
            sentence(number + 50),
            sentence(number + 99),
            *([bottom.format(number)] if bottom else []),
        ]
        for number in range(1, pages + 1)
    ]


@pytest.mark.parametrize(
    "line",
    ["{}", "- {} -", "{} / 4", "P.{}", "Page {} of 4", "{}ページ", "社外秘 {} / 4", "就業規則 - {} -", "就業規則 {}",
     "{} 就業規則", "就業規則 | {}/4", "[{}]"],
)  # fmt: skip
def test_page_numbers_go_from_every_page(line):
    assert removed(framed(bottom=line)) == [[line.format(number)] for number in range(1, 5)]


def test_pages_may_be_counted_from_elsewhere():
    pages = [[sentence(n), sentence(n + 50), sentence(n + 99), f"- {n + 12} -"] for n in range(1, 5)]
    assert removed(pages) == [[f"- {n + 12} -"] for n in range(1, 5)]


def test_of_a_header_the_first_stays_and_of_a_footer_the_last():
    assert removed(framed(top="就業規則")) == [[], *[["就業規則"]] * 3]
    assert removed(framed(bottom="株式会社個社")) == [*[["株式会社個社"]] * 3, []]
    dated = "就業規則 2024年4月1日改定"
    assert removed(framed(top=dated)) == [[], *[[dated]] * 3]


@pytest.mark.parametrize("line", ["社外秘", "© 2025 Kosha Inc.", "本書の無断転載を禁じます。"])
@pytest.mark.parametrize("slides", [False, True])
def test_notices_go_from_every_page(line, slides):
    assert removed(framed(bottom=line), slides=slides) == [[line]] * 4


@pytest.mark.parametrize(
    "line",
    [
        "手順{}", "手順 {}", "第{}章", "{}. 電源を切る", "({}) 電源を切る", "点検({})", "事例 No.{}", "KP-{}10 1,250 2", "20{} 1,250 2",
        "作業の前後に写真を撮り、記録票に貼る。", "元弁を閉じる", "・電源を切る", "1. 電源を切る", "所要時間 5分", "価格: 1,200円",
        "ねじ 4 個", "温度 80℃", "合計 10 20", "記入しないこと",
    ],
)  # fmt: skip
@pytest.mark.parametrize("edge", ["top", "bottom"])
@pytest.mark.parametrize("slides", [False, True])
def test_content_stays_however_often_it_repeats(line, edge, slides):
    if (line, edge) == ("手順 {}", "bottom"):
        pytest.skip("a number beside a text in the last line is that of the page")
    assert removed(framed(**{edge: line}), slides=slides) == [[]] * 4


def test_titles_of_slides_stay():
    assert removed(framed(top="安全の手引き"), slides=True) == [[]] * 4


def test_a_line_on_one_page_is_no_header_whatever_the_share():
    assert removed(framed(top="就業規則", pages=1) + framed(pages=3), share=0.1) == [[]] * 4


def test_numbers_that_do_not_follow_the_pages_stay():
    pages = [
        [sentence(n), sentence(n + 50), sentence(n + 99), str(number)]
        for n, number in enumerate((7, 3, 9, 1))
    ]
    assert removed(pages) == [[]] * 4
