"""Numbers, sizes and times in the conventions of the active language."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

UNITS: dict[str, str | Promise] = {
    "step": gettext_lazy("steps"),
    "document": gettext_lazy("documents"),
    "page": gettext_lazy("pages"),
    "record": gettext_lazy("records"),
    "question": gettext_lazy("questions"),
    "chunk": gettext_lazy("chunks"),
    "token": gettext_lazy("tokens"),
    "byte": gettext_lazy("bytes"),
}
"""What an engine counts (`Progress.unit`), in words."""

MOST_COUNTED = 10_000

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SIZES = ("kB", "MB", "GB", "TB", "PB")


def number(value: float | int, digits: int = 0) -> str:
    """`12,345`; with `digits`, exactly so many after the point."""
    # Rounded first, because number_format truncates.
    return number_format(Decimal(f"{value:.{digits}f}"), decimal_pos=digits, force_grouping=True)


def count_of(rows: QuerySet[Any]) -> str:
    """How many rows there are; `10,000+` beyond that number, where counting takes too long."""
    found = rows.order_by()[: MOST_COUNTED + 1].count()
    return f"{number(MOST_COUNTED)}+" if found > MOST_COUNTED else number(found)


def size(count: int) -> str:
    """Bytes in the largest decimal unit of which there is at least one: `1.2 MB`."""
    if count < 1000:
        return ngettext("%(n)s byte", "%(n)s bytes", count) % {"n": number(count)}
    power = 1
    while power < len(_SIZES) and count / 1000**power >= 999.95:
        power += 1
    amount = count / 1000**power
    return f"{number(amount, 1 if amount < 99.95 else 0)} {_SIZES[power - 1]}"


def duration(seconds: float) -> str:
    """Two units at most: `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return _("%(n)s s") % {"n": whole}
    if whole < _HOUR:
        major_text, minor_text = _("%(n)s min"), _("%(n)s s")
        major, minor = divmod(whole, _MINUTE)
        minor = minor if major < 10 else 0
    elif whole < _DAY:
        major_text, minor_text = _("%(n)s h"), _("%(n)s min")
        major, minor = divmod(round(whole / _MINUTE), 60)
    else:
        major_text, minor_text = _("%(n)s d"), _("%(n)s h")
        major, minor = divmod(round(whole / _HOUR), 24)
    text = major_text % {"n": number(major)}
    return f"{text} {minor_text % {'n': minor}}" if minor else text


def time_left(seconds: float | None) -> str:
    """An estimate, rounded to a minute below one hour and to five minutes above; None: not known yet."""
    if seconds is None:
        return _("time left: not known yet")
    if seconds < _MINUTE:
        return _("less than a minute left")
    rounded = round(seconds / _MINUTE) * _MINUTE if seconds < _HOUR else round(seconds / 300) * 300
    return _("about %(duration)s left") % {"duration": duration(rounded)}


def relative(moment: datetime, now: datetime | None = None) -> str:
    """`3 minutes ago`, `in 2 hours`; beyond thirty days the date."""
    difference = (now or timezone.now()) - moment
    seconds = abs(difference.total_seconds())
    if seconds < 45:
        return _("just now")
    if seconds > 30 * _DAY:
        return date_format(timezone.localtime(moment), "DATE_FORMAT")
    past = difference > timedelta()
    if seconds < 45 * _MINUTE:
        count = max(1, round(seconds / _MINUTE))
        text = (
            ngettext("%(n)s minute ago", "%(n)s minutes ago", count)
            if past
            else ngettext("in %(n)s minute", "in %(n)s minutes", count)
        )
    elif seconds < 22 * _HOUR:
        count = max(1, round(seconds / _HOUR))
        text = (
            ngettext("%(n)s hour ago", "%(n)s hours ago", count)
            if past
            else ngettext("in %(n)s hour", "in %(n)s hours", count)
        )
    else:
        count = max(1, round(seconds / _DAY))
        text = (
            ngettext("%(n)s day ago", "%(n)s days ago", count)
            if past
            else ngettext("in %(n)s day", "in %(n)s days", count)
        )
    return text % {"n": count}


def exact(moment: datetime) -> str:
    """Date, time to the second and zone, in the order of the active language."""
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATE_FORMAT')} {date_format(local, 'H:i:s')} {local.tzname()}"
