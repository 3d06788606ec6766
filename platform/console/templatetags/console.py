"""The components of a page as template tags: `{% load console %}`.

{% state job.state %}                              the word of a state in its colour
{% progress done total seconds_left unit %}        a bar with its numbers and the time left
{% when job.created_at %}                          relative time, the exact one on hover
{{ n|number }} {{ n|number:2 }} {{ b|size }} {{ s|duration }} {{ share|percent }}
{% icon "upload" %}  {% thing version %}  {% field form.name %}  {% pager page %}
{% parts parts %}    {% empty "layers" title text url label %}   {% confirm ... %}
{% may "documents.write" as can_write %}{% if can_write %}...{% endif %}
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import template
from django.db import models
from django.forms import BoundField, CheckboxInput
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from common.pagination import KeysetPage
from common.permissions import Permission
from console import formats
from console.states import state_of
from curation.models import DatasetVersion

register = template.Library()

SPRITE = "vendor/lucide/icons.svg"
NOTHING = "—"

THING_ICONS = {
    "documents.document": "file-text",
    "documents.revision": "file-text",
    "curation.dataset": "layers",
    "curation.datasetversion": "layers",
    "curation.recipe": "funnel",
    "training.trainingrun": "activity",
    "registry.basemodel": "box",
    "registry.modelversion": "box",
    "evaluations.evaluation": "scale",
    "evaluations.suite": "scale",
    "retrieval.knowledgebase": "book-open",
    "retrieval.indexbuild": "book-open",
    "releases.release": "package",
    "releases.deployment": "rocket",
    "schedules.schedule": "calendar-clock",
    "schedules.scheduledrun": "calendar-clock",
    "jobs.job": "list-checks",
    "jobs.cluster": "server",
    "chat.conversation": "messages-square",
    "accounts.user": "circle-user-round",
}


# -- words ------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; without `label` it is hidden from screen readers."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>',
            label,
            static(SPRITE),
            name,
        )
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static(SPRITE), name
    )


@register.simple_tag
def state(value: str, label: str = "") -> SafeString:
    found = state_of(str(value))
    return format_html(
        '<span class="badge" data-tone="{}" data-state="{}">{}</span>',
        found.tone,
        value,
        label or found.label,
    )


@register.filter
def tone(value: str) -> str:
    """The tone of a state, for elements that are not badges."""
    return state_of(str(value)).tone


@register.simple_tag
def when(moment: datetime | None, empty: str = NOTHING) -> SafeString:
    if moment is None:
        return SafeString(format_html('<span class="faint">{}</span>', empty))
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moment.isoformat(timespec="seconds"),
        formats.exact(moment),
        formats.relative(moment),
    )


@register.filter
def number(value: Any, digits: int = 0) -> str:
    """A dash for None, and for "", which templates make of a missing key."""
    return NOTHING if value in (None, "") else formats.number(value, int(digits))


@register.filter
def size(value: int | None) -> str:
    return NOTHING if value is None else formats.size(value)


@register.filter
def duration(seconds: float | None) -> str:
    return NOTHING if seconds is None else formats.duration(seconds)


@register.filter
def percent(share: float | None, digits: int = 1) -> str:
    """0.257 becomes `25.7%`."""
    return NOTHING if share is None else f"{formats.number(share * 100, int(digits))}%"


@register.filter
def signed(value: float | None, digits: int = 2) -> str:
    """A difference, always with its sign; the minus is U+2212."""
    if value is None:
        return NOTHING
    text = formats.number(abs(value), int(digits))
    return ("−" if value < 0 else "+" if value > 0 else "±") + text


@register.filter
def records_kept(version: DatasetVersion) -> int:
    """Texts, pairs and conversations of a dataset version together."""
    return sum(version.result.get(name, 0) for name in ("records", "pairs", "conversations"))


# -- things -------------------------------------------------------------------------------------


@register.simple_tag
def thing(subject: models.Model | None, label: str = "") -> SafeString:
    """A link to anything that has a page of its own, with the icon of its kind."""
    if subject is None:
        return SafeString(format_html('<span class="faint">{}</span>', NOTHING))
    text = label or str(subject)
    drawing = icon(THING_ICONS.get(subject._meta.label_lower, "link"))
    address = getattr(subject, "get_absolute_url", None)
    if address is None:
        return format_html('<span class="thing">{}<span>{}</span></span>', drawing, text)
    return format_html('<a class="thing" href="{}">{}<span>{}</span></a>', address(), drawing, text)


@register.simple_tag(takes_context=True)
def may(context: Context, permission: str) -> bool:
    """Whether the person's role has the permission. The route refuses too; this hides the button."""
    principal = context.get("principal")
    return principal is not None and principal.may(Permission(permission))


# -- blocks ---------------------------------------------------------------------------------------


@register.inclusion_tag("components/progress.html")
def progress(
    done: float | None,
    total: float | None,
    seconds_left: float | None = None,
    unit: str = "",
    tone: str = "",
    label: str = "",
) -> dict[str, Any]:
    """Without `total` the bar is indeterminate. Before an engine has measured its speed, the time left is not known."""
    known = done is not None and bool(total)
    words = ""
    if known and done is not None and total is not None:
        named = formats.UNITS.get(unit, unit)
        words = f"{formats.number(done)} / {formats.number(total)} {named}".strip()
    return {
        "known": known,
        "done": done,
        "total": total,
        "words": words,
        "left": formats.time_left(seconds_left),
        "tone": tone,
        "label": label or _("Progress"),
    }


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, kind: str = "") -> dict[str, Any]:
    """Label, control, help and errors of a form's field; `kind` adds a class, for example `short`."""
    return {"field": bound, "kind": kind, "check": isinstance(bound.field.widget, CheckboxInput)}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Context, page: KeysetPage[Any]) -> dict[str, Any]:
    """Turns keyset pages by `after` in the URL, leaving search, filter and sort as they are."""
    request = context["request"]
    onward, first = request.GET.copy(), request.GET.copy()
    first.pop("after", None)
    if page.has_more and page.items:
        onward["after"] = str(page.items[-1].pk)
    return {
        "next_query": onward.urlencode() if page.has_more else "",
        "first_query": first.urlencode(),
        "is_first": "after" not in request.GET,
        "count": len(page.items),
    }


@register.inclusion_tag("components/empty.html")
def empty(icon: str, title: str, text: str = "", url: str = "", label: str = "") -> dict[str, str]:
    """The placeholder of an empty list: what the list is for and what to do first."""
    return {"icon": icon, "title": title, "text": text, "url": url, "label": label}


@register.inclusion_tag("components/parts.html")
def parts(shares: Iterable[tuple[str, float, str]], label: str = "") -> dict[str, Any]:
    """Parts of a whole as one bar: (name, amount, tone) each. SVG, because the policy forbids widths as inline styles."""
    rows = [(str(name), float(amount), tone) for name, amount, tone in shares]
    total = sum(amount for _name, amount, _tone in rows) or 1.0
    bars, start = [], 0.0
    for name, amount, tone in rows:
        width = 100 * amount / total
        bars.append(
            {"name": name, "amount": amount, "tone": tone, "x": f"{start:.3f}", "width": f"{width:.3f}"}
        )
        start += width
    return {"bars": bars, "label": label or ", ".join(f"{name} {formats.number(n)}" for name, n, _t in rows)}


@register.inclusion_tag("components/confirm.html", takes_context=True)
def confirm(
    context: Context,
    identifier: str,
    title: str,
    text: str,
    url: str,
    label: str,
    danger: bool = False,
    stops: bool = False,
) -> dict[str, Any]:
    """A dialog that states the effects of an action before it is done; opened by `data-dialog="identifier"`.

    Where the action stops work (`stops`), the button that changes nothing does not say "Cancel", which could mean both.
    """
    return {
        "identifier": identifier,
        "title": title,
        "text": text,
        "url": url,
        "label": label,
        "danger": danger,
        "stops": stops,
        "csrf_token": context.get("csrf_token"),
        "principal": context.get("principal"),
    }
