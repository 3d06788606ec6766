"""The moments of a schedule, in its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schedules.models import Cadence


def next_moment(
    *, cadence: str, weekday: int, day: int, hour: int, time_zone: str, after: datetime
) -> datetime:
    """The first moment of the cadence later than `after` (aware), in UTC.

    Hours that a change of daylight saving skips or repeats are taken as the zone's rules map them.
    """
    zone = ZoneInfo(time_zone)
    start = after.astimezone(zone).date()
    # A month is never longer than 31 days; the day of a monthly schedule is at most 28.
    for days in range(33):
        date = start + timedelta(days=days)
        if cadence == Cadence.WEEKLY and date.weekday() != weekday:
            continue
        if cadence == Cadence.MONTHLY and date.day != day:
            continue
        moment = datetime(date.year, date.month, date.day, hour, tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    raise AssertionError("every cadence has a moment within 33 days")
