"""Set a first password through a one-time link, as a person does in the browser."""

from __future__ import annotations

import re
import secrets

import httpx


def new_password(link: str) -> str:
    """Open the link, choose a password, and return it."""
    password = secrets.token_urlsafe(12)
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=60) as browser:
        page = browser.get(link).raise_for_status()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None, "the page of the link has no form"
        fields = {"csrfmiddlewaretoken": token[1], "new_password1": password, "new_password2": password}
        browser.post(page.url, data=fields).raise_for_status()
    return password
