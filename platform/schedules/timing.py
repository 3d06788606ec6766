"""When a schedule fires, in its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from common.wire import Body
from schedules.models import Cadence


class Timing(Body):
    """When a schedule fires."""

    cadence: Cadence = Cadence.WEEKLY
    """daily, weekly or monthly."""
    weekday: int = Field(default=6, ge=0, le=6)
    """Weekly: 0 is Monday, 6 is Sunday."""
    day: int = Field(default=1, ge=1, le=28)
    """Monthly: the day of the month."""
    hour: int = Field(default=2, ge=0, le=23)
    time_zone: str = "Asia/Tokyo"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no such time zone; an example is Asia/Tokyo") from error
        return value

    def after(self, moment: datetime) -> datetime:
        """The first moment of the cadence later than `moment` (aware), in UTC.

        Hours that a change of daylight saving skips or repeats are taken as the zone's rules map them.
        """
        zone = ZoneInfo(self.time_zone)
        start = moment.astimezone(zone).date()
        # A month is never longer than 31 days; the day of a monthly schedule is at most 28.
        for days in range(33):
            date = start + timedelta(days=days)
            if self.cadence == Cadence.WEEKLY and date.weekday() != self.weekday:
                continue
            if self.cadence == Cadence.MONTHLY and date.day != self.day:
                continue
            found = datetime(date.year, date.month, date.day, self.hour, tzinfo=zone).astimezone(UTC)
            if found > moment:
                return found
        raise AssertionError("every cadence has a moment within 33 days")
