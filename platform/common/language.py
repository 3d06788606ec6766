"""The language of the API and of sentences that are stored: English. Pages translate a stored sentence when shown."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext

API_LANGUAGE = "en"


def stored_language() -> translation.override:
    """A block whose sentences are stored, and so are read later by callers of any language."""
    return translation.override(API_LANGUAGE)


def in_readers_language(stored: str) -> str:
    """A stored sentence, translated if it has no figures or names of its own."""
    return gettext(stored) if stored else ""
