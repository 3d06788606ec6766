"""Figures of the health page as sentences: `{% load health %}`."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.translation import gettext as _

from console import formats
from health.parts import ISOLATIONS, OCR_ENGINES, Name
from health.report import Component
from health.shown import Outage
from health.shown import banner_digest as digest_of

register = template.Library()


@register.filter
def banner_digest(outages: Sequence[Outage] | str) -> str:
    """Empty without outages, and for a variable that the template does not have."""
    return digest_of(outages) if outages and not isinstance(outages, str) else ""


@register.simple_tag
def health_figures(component: Component) -> str:
    """The most important figures of a part; empty if it has none."""
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
    if component.name is Name.AUDIT and facts.get("broken_chains"):
        return _("Broken chains: %(chains)s; the first event that does not fit is number %(event)s.") % {
            "chains": formats.number(facts["broken_chains"]),
            "event": formats.number(facts["broken_event"]),
        }
    if component.name is Name.AUDIT and facts.get("last_verified_seconds") is not None:
        return _("Verified up to the newest of %(events)s events, %(time)s ago.") % {
            "events": formats.number(facts["verified_events"]),
            "time": formats.duration(facts["last_verified_seconds"]),
        }
    if component.name is Name.PARSERS and "isolation" in facts:
        isolation = ISOLATIONS.get(facts["isolation"], _("known once a document has been read"))
        told = _("Parsers: %(isolation)s") % {"isolation": isolation}
        if facts.get("ocr") in OCR_ENGINES:
            engine = _("Engine for scans and images (OCR): %(engine)s") % {
                "engine": OCR_ENGINES[facts["ocr"]]
            }
            told = f"{told}. {engine}"
        return told
    seconds = facts.get("oldest_waiting_seconds")
    if component.name is Name.QUEUE and seconds:
        return _("Longest wait for a start: %(time)s") % {"time": formats.duration(seconds)}
    return ""
