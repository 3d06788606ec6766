"""A real browser in which a member of a company is signed in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from accounts.models import Role
from tests.console.company import Company
from tests.live_web import live_web

TIMEOUT_MS = 25_000
"""The banner reloads every ten seconds."""


@contextmanager
def signed_in(page, company: Company, role: Role, language: str = "en") -> Iterator[str]:
    """The address of a web that knows the browser as a member of the company."""
    cookies = company.client(role, language).cookies
    with live_web() as url:
        page.context.add_cookies(
            [{"name": name, "value": morsel.value, "url": url} for name, morsel in cookies.items()]
        )
        yield url
        # A page that follows a job keeps its stream open, and the web waits for it.
        page.goto("about:blank")
    # Opened in the loop's context, where the end of the session does not find it.
    connection.close()


def picture(page, name: str) -> None:
    """For a person to look at: only with `KOSHA_TEST_PICTURES`, the folder for them."""
    if folder := os.environ.get("KOSHA_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
