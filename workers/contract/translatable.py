"""Marks texts of the contract that the console shows, so that they are collected for translation."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """The text itself. The console passes it to gettext when it shows it."""
    return text
