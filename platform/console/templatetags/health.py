"""Figures of the health page, worded: `{% load health %}`."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.translation import gettext as _

from console import formats
from health.components import Component, Name
from health.words import Outage
from health.words import banner_digest as digest_of

register = template.Library()


@register.filter
def banner_digest(outages: Sequence[Outage] | str) -> str:
    """ "" for a template's absent variable as for no outage."""
    return digest_of(outages) if outages and not isinstance(outages, str) else ""


@register.simple_tag
def health_figures(component: Component) -> str:
    """The one figure of a part that a person wants to see, if it has one."""
    facts = component.facts
    if component.name is Name.STORAGE and "free_bytes" in facts:
        return _("%(free)s free of %(total)s") % {
            "free": formats.size(facts["free_bytes"]),
            "total": formats.size(facts["total_bytes"]),
        }
    if component.name is Name.WORKERS and "alive" in facts:
        return _("At work: %(count)s") % {"count": formats.number(facts["alive"])}
    if component.name is Name.MODEL_SERVER and "queue" in facts:
        return _("Answers being written or waited for: %(count)s") % {"count": formats.number(facts["queue"])}
    seconds = facts.get("oldest_waiting_seconds")
    if component.name is Name.QUEUE and seconds:
        return _("Longest wait for a start: %(time)s") % {"time": formats.duration(seconds)}
    return ""
