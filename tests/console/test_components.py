"""The console's words, numbers and components, drawn without a database."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.template import Context, Template, loader
from django.test import RequestFactory
from django.utils import translation

from common.errors import NotFound
from common.pagination import KeysetPage
from console import formats
from console.states import STATES, state_of
from tests.console.styleguide import Row, styleguide

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


def draw(source: str, path: str = "/documents?q=a&after=9", **context) -> str:
    request = RequestFactory().get(path)
    return Template("{% load console %}" + source).render(Context({"request": request, **context}))


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_every_state_a_model_can_take_has_a_word_and_a_tone():
    fields = [
        field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "name", "") in ("state", "stage") and getattr(field, "choices", None)
    ]
    assert fields
    unknown = {value for field in fields for value, _label in field.choices} - STATES.keys()
    assert unknown == set()


def test_a_state_outside_the_table_shows_itself():
    assert state_of("half_open") == ("still", "half open")


def test_a_state_is_escaped():
    assert "<script>" not in draw("{% state value %}", value="<script>")


@pytest.mark.parametrize(
    ("count", "english_text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (123_456_789, "123 MB"),
    ],
)
def test_sizes(count, english_text):
    assert formats.size(count) == english_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (1934, "32 min"),
        (7500, "2 h 5 min"),
        (356_400, "4 d 3 h"),
    ],
)
def test_durations(seconds, text):
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=-2), "in 2 hours"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=40), "Feb. 20, 2026"),
    ],
)
def test_relative_times(ago, text):
    assert formats.relative(NOON - ago, NOON) == text


def test_relative_times_in_japanese():
    with translation.override("ja"):
        assert formats.relative(NOON - timedelta(minutes=5), NOON) == "5分前"


def test_a_relative_time_has_the_exact_time_as_its_title():
    drawn = draw("{% when moment %}", moment=NOON)
    assert 'datetime="2026-04-01T12:00:00+00:00"' in drawn
    assert "21:00:00 JST" in drawn


def test_signed_numbers_use_a_minus():
    assert draw("{{ a|signed }} {{ b|signed:1 }}", a=-0.5, b=0.26) == "−0.50 +0.3"


def test_a_missing_value_is_a_dash():
    assert draw("{{ x|number }}{{ x|size }}{{ x|percent }}", x=None) == "———"


def test_progress_shows_count_and_time_left():
    drawn = draw('{% progress 120 300 412 "step" %}')
    assert 'max="300.000000" value="120.000000"' in drawn
    assert "120 / 300 steps" in drawn
    assert "about 7 min left" in drawn


def test_progress_without_an_estimate_says_that_the_time_left_is_not_known_yet():
    assert "time left: not known yet" in draw('{% progress 0 300 None "step" %}')
    with translation.override("ja"):
        assert "残り時間：未定" in draw('{% progress 0 300 None "step" %}')


def test_progress_of_unknown_length_has_no_value():
    assert "value=" not in draw("{% progress None None %}")


def test_the_pager_keeps_the_search():
    row = Row("41", "a", "ready", 1, 1, timedelta())
    drawn = draw("{% pager page %}", page=KeysetPage([row], True))
    assert 'href="?q=a&amp;after=41"' in drawn
    assert 'href="?q=a"' in drawn


def test_a_single_page_has_no_pager():
    assert draw("{% pager page %}", path="/documents", page=KeysetPage([], False)).strip() == ""


def test_parts_add_up_to_the_whole_bar():
    drawn = draw("{% parts parts %}", parts=[("kept", 3, "good"), ("dropped", 1, "bad")])
    assert re.findall(r' width="([\d.]+)"', drawn) == ["75.000", "25.000"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_style_guide_draws_every_component_without_inline_code(language, settings):
    """No inline style, script or handler anywhere: the Content-Security-Policy would drop it."""
    request = RequestFactory().get("/styleguide")
    with translation.override(language):
        page = styleguide(request)
    assert f'<html lang="{language}"' in page
    assert " style=" not in page
    assert not re.search(r"\son[a-z]+=", page)
    scripts = re.findall(r"<script(?![^>]*src=)([^>]*)>", page)
    assert all('type="application/json"' in script for script in scripts)
    config = re.search(r'name="htmx-config" content=\'([^\']+)\'', page)
    assert config
    assert json.loads(config[1])["allowEval"] is False


@pytest.mark.parametrize("name", ["error.html", "500.html"])
def test_error_pages_are_drawn_without_a_person(name, settings):
    assert "Kosha" in loader.render_to_string(name, {"error": NotFound()}, RequestFactory().get("/nowhere"))
