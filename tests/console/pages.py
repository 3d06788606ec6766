"""Reading the pages that a test client gets."""

from __future__ import annotations


def text(response) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()
