"""Each page links the stylesheets that its markup needs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import resolve

from middleware.route_rules import route_rules
from tests.console.pages import text
from tests.console.test_every_page import EMPTY_LISTS, FORMS, OTHERS, pages_of

pytestmark = pytest.mark.slow

STATIC = Path(__file__).parents[2] / "static"
NO_PAGE = re.compile(
    r"v1/|healthz|readyz|health/|.*/(content|points|stream|estimate|picture)$|.*<secret>$|settings$|documents/uploads/"
)
"""Data, parts of pages, and redirects."""
TO_A_PAGE = {"settings/keys/create", "settings/members/invite"}
"""A reload of what was posted leads back to the form."""
AFTER_A_LINK = {"invitation", "account/password/new"}
"""Shown after the link of a mail only."""


def addresses(things: dict[str, Any]) -> list[str]:
    at = {name: thing.get_absolute_url() for name, thing in things.items()}
    more = [
        f"{at['version']}/documents",
        f"{at['release']}/publish?alias=staging",
        f"{at['job']}/cancel",
        "/releases/policy",
        "/settings/members",
    ]
    return [*EMPTY_LISTS, *FORMS, *OTHERS, *pages_of(things), *more]


@cache
def classes_of(stylesheet: Path) -> frozenset[str]:
    rules = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", stylesheet.read_text(), flags=re.DOTALL)
    return frozenset(re.findall(r"\.(-?[A-Za-z_][\w-]*)", rules))


def stylesheets(page: str) -> set[Path]:
    return {STATIC / link for link in re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', page)}


def used_classes(page: str) -> set[str]:
    return {name for value in re.findall(r'\sclass="([^"]*)"', page) for name in value.split()}


def missing(page: str) -> set[str]:
    known = frozenset().union(*(classes_of(sheet) for sheet in STATIC.rglob("*.css")))
    linked = frozenset().union(*(classes_of(sheet) for sheet in stylesheets(page)))
    return (used_classes(page) & known) - linked


def test_every_page_links_the_stylesheets_of_its_classes(company, everything):
    client = company.client("owner")
    pages = {path: text(client.get(path)) for path in addresses(everything)}
    waiting = f"{company.document('待.txt', state='uploaded').get_absolute_url()}/stop"
    pages[waiting] = text(client.get(waiting))
    pages["/sign-in"] = text(Client().get("/sign-in"))
    pages["/nowhere"] = client.get("/nowhere").content.decode()
    pages["500"] = render_to_string("500.html", {"request_id": "r-1"})
    assert {path: missing(page) for path, page in pages.items() if missing(page)} == {}
    visited = {resolve(path.partition("?")[0]).route for path in pages if path not in ("/nowhere", "500")}
    routes = {rule.removeprefix("GET ") for rule in route_rules() if rule.startswith("GET ")}
    assert {
        route for route in routes if not NO_PAGE.match(route)
    } - visited - AFTER_A_LINK - TO_A_PAGE == set()


def test_a_page_without_the_stylesheet_of_a_class_is_found():
    page = '<link rel="stylesheet" href="/static/css/base.css"><ol class="lineage unknown"></ol>'
    assert missing(page) == {"lineage"}


def test_curves_have_the_stylesheet_of_their_library(company, everything):
    page = text(company.client("owner").get(everything["run"].get_absolute_url()))
    assert "data-chart" in page and STATIC / "vendor/uplot/uPlot.min.css" in stylesheets(page)
