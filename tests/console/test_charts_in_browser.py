"""Curves in a real browser: axes have titles, ticks do not repeat, and steps are whole numbers."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from tests.console.browser import signed_in
from tests.console.company import Company
from tests.console.products import Products

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RECORD = """
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  (this.canvas.words ??= []).push(text);
  this.canvas.dataset.drawn = "";
  return fill.call(this, text, ...place);
};
"""
POINTS = {
    "one point": ([5], [2.5], [812.0]),
    "two steps": ([1, 2], [2.5, 2.4], [812.0, 812.0]),
    "nearly flat": ([1, 2, 3], [2.5001, 2.5002, 2.5003], [812.1, 812.2, 812.3]),
    "a long run": (list(range(1, 2001)), [3 - step / 1000 for step in range(2000)], [120_000.0] * 2000),
}


def is_number(word: str) -> bool:
    return word.replace(",", "").replace(".", "").replace("-", "").isdigit()


def test_axes_have_titles_whole_steps_and_ticks_that_differ(page):
    company = Company("ours")
    products = Products(company)
    run = products.run(products.dataset_version(), points=1)
    page.add_init_script(RECORD)
    shown = {}
    page.route("**/points*", lambda route: route.fulfill(body=json.dumps(shown)))
    with signed_in(page, company, Role.VIEWER) as url:
        for case, (steps, losses, speeds) in POINTS.items():
            shown |= {"x": steps, "series": {"loss": losses, "tokens_per_second": speeds}, "live": False}
            page.goto(url + run.get_absolute_url())
            expect(page.locator(".chart canvas[data-drawn]")).to_have_count(2)
            drawn = page.evaluate("[...document.querySelectorAll('.chart canvas')].map(c => c.words)")
            for words, value in zip(drawn, ("Loss", "Tokens per second"), strict=True):
                first, second = len(words) - 1 - words[::-1].index("Training step"), words.index(value)
                steps_shown, values_shown = words[first + 1 : second], words[second + 1 :]
                assert all(is_number(word) for word in [*steps_shown, *values_shown]), (case, words)
                for ticks in (steps_shown, values_shown):
                    assert ticks and len(ticks) == len(set(ticks)), (case, words)
                assert all("." not in tick for tick in steps_shown), (case, words)
