"""Differences of shares: `{% load points %}{{ 0.12|points }}`."""

from __future__ import annotations

from django import template

from console.templatetags.console import signed

register = template.Library()


@register.filter
def points(share: float | None) -> str:
    """0.125 becomes `+12.5`: the difference of two percentages is in points, not percent."""
    return signed(None if share is None else share * 100, 1)
