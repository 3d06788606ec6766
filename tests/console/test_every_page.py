"""Every page, in both languages, for each role, empty and full."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import resolve, reverse

from accounts.models import Role
from accounts.permissions import ROLE_PERMISSIONS
from common.permissions import Permission
from middleware.route_rules import route_rules
from tests.console.pages import text

pytestmark = pytest.mark.slow

EMPTY_LISTS = [
    "/documents",
    "/sources",
    "/datasets",
    "/training",
    "/evaluations",
    "/releases",
    "/knowledge",
    "/chat",
    "/schedules",
    "/jobs",
]
FORMS = [
    "/datasets/new",
    "/training/new",
    "/evaluations/new",
    "/releases/new",
    "/knowledge/new",
    "/schedules/new",
    "/sources/new?kind=s3",
]
OTHERS = [
    "/",
    "/health",
    "/training/models",
    "/settings/members",
    "/settings/keys",
    "/settings/models",
    "/settings/clusters",
    "/settings/audit",
    "/account/password",
    "/account/password/forgotten",
]


def pages_of(things: dict[str, Any]) -> list[str]:
    address = {name: thing.get_absolute_url() for name, thing in things.items()}
    return [
        *address.values(),
        f"{address['dataset']}/build",
        f"{address['version']}/records",
        f"{address['version']}/dropped",
        f"{address['version']}/changed",
        f"{address['version']}/duplicates",
        f"{address['version']}/compare",
        f"{address['evaluation']}/items",
        f"{address['evaluation']}/items?kind=text",
        f"{address['evaluation']}/items?kind=closed&changed=1",
        f"{address['schedule']}/edit",
        f"{address['source']}/edit",
        "/releases/served/production",
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_drawn_without_inline_styles_and_scripts(company, language, everything):
    client = company.client("owner", language)
    for path in [*EMPTY_LISTS, *FORMS, *OTHERS, *pages_of(everything)]:
        page = text(client.get(path))
        assert f'<html lang="{language}"' in page, path
        assert " style=" not in page, path
        assert not re.search(r"\son[a-z]+=", page), path
        assert len(re.findall(r"<h1[ >]", page)) == 1, path


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_drawn_for_an_empty_organization(company, language):
    client = company.client("owner", language)
    for path in [*EMPTY_LISTS, *FORMS, *OTHERS]:
        text(client.get(path))


@pytest.mark.parametrize("path", EMPTY_LISTS)
def test_an_empty_list_says_what_to_do_first(company, path):
    assert 'class="empty"' in text(company.client().get(path))


def test_the_first_lists_name_the_first_step(company):
    client = company.client()
    assert "No documents yet" in text(client.get("/documents"))
    assert "No dataset yet" in text(client.get("/datasets"))
    assert "Upload documents first" in text(client.get("/jobs"))
    assert "Upload documents" in text(client.get("/"))


def test_forms_with_nothing_to_choose_say_what_is_missing(company):
    client = company.client()
    for path in ("/training/new", "/evaluations/new", "/schedules/new"):
        page = text(client.get(path))
        assert reverse("datasets:index") in page and 'class="empty"' in page


@pytest.mark.parametrize("role", list(ROLE_PERMISSIONS))
def test_a_role_opens_the_pages_that_its_permissions_allow(company, role):
    client = company.client(role)
    for path in ("datasets/new", "settings/audit", "documents", "jobs"):
        allowed = route_rules()[f"GET {path}"] in ROLE_PERMISSIONS[role]
        assert client.get(f"/{path}").status_code == (200 if allowed else 403), path


def test_a_viewer_sees_no_form(company, everything):
    client = company.client("viewer")
    things = [everything[name].get_absolute_url() for name in ("document", "dataset", "job")]
    for path in ["/documents", "/datasets", *things]:
        page = text(client.get(path))
        assert 'method="post"' not in page.split("<main")[1], path
        assert "delete-document" not in page, path
    assert Permission.DOCUMENTS_WRITE not in ROLE_PERMISSIONS["viewer"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_a_reader_sees_no_form_that_would_be_refused(everything, company, role):
    client = company.client(role)
    conversation = everything["conversation"].get_absolute_url()
    for path in [*EMPTY_LISTS, *FORMS, *OTHERS, *pages_of(everything)]:
        answer = client.get(path)
        if path == conversation:
            assert answer.status_code == 404
        elif answer.status_code != 403:
            for action in re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', text(answer)):
                rule = route_rules()[f"POST {resolve(action).route}"]
                assert not isinstance(rule, Permission) or rule in ROLE_PERMISSIONS[role], (path, action)


def test_the_things_of_another_organization_look_absent(everything, stranger):
    client = stranger.client()
    for path in pages_of(everything):
        assert client.get(path).status_code == 404, path
