"""Dates and times in a section of an Excel format, with Japanese eras and weekdays."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

DATE_TOKENS = frozenset({"date", "elapsed", "half", "number", "text"})
_SECONDS_OF_DAY = 86_400
_LAST_DAY = 2_958_465
"""31 December 9999."""
_ERAS = (
    (datetime.date(2019, 5, 1), "令和", "R"),
    (datetime.date(1989, 1, 8), "平成", "H"),
    (datetime.date(1926, 12, 25), "昭和", "S"),
    (datetime.date(1912, 7, 30), "大正", "T"),
    (datetime.date(1868, 1, 25), "明治", "M"),
)
_WEEKDAYS = "月火水木金土日"
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def day_of(serial: int, is_1904: bool = False) -> datetime.date:
    """The day that a workbook counts as `serial`; the other count has a 29 February 1900 as day 60."""
    if is_1904:
        return datetime.date(1904, 1, 1) + datetime.timedelta(days=serial)
    return datetime.date(1899, 12, 30) + datetime.timedelta(days=serial + (serial < 60))


def serial_of(moment: datetime.datetime, is_1904: bool = False) -> float:
    first = datetime.datetime(1904, 1, 1) if is_1904 else datetime.datetime(1899, 12, 30)
    return (moment.replace(tzinfo=None) - first) / datetime.timedelta(days=1)


def date_text(
    value: float, tokens: Sequence[tuple[str, str]], is_japanese: bool, from_gannen: bool, is_1904: bool
) -> str | None:
    """The moment in the section's form; None for one that Excel has no date for."""
    if not 0 <= value <= _LAST_DAY + 1:
        return None
    moment = _Moment(value, tokens, is_1904)
    if moment.day is None and any(kind == "date" and text[0] in "ydgea" for kind, text in tokens):
        return None
    pieces: list[str] = []
    after_point = False
    for index, (kind, text) in enumerate(tokens):
        if kind == "half":
            pieces.append(moment.half(text, is_japanese))
        elif kind == "elapsed":
            pieces.append(moment.elapsed(text))
        elif kind == "number":
            if text == "0" and after_point:
                pieces.append(moment.fraction.pop(0) if moment.fraction else "0")
            elif text == "." and index + 1 < len(tokens) and tokens[index + 1] == ("number", "0"):
                after_point = True
                pieces.append(".")
            else:
                pieces.append(text)
        elif kind == "date" and text[0] == "m" and _is_minutes(tokens, index):
            pieces.append(f"{moment.minute:0{min(len(text), 2)}d}")
        elif kind == "date":
            pieces.append(moment.part(text, from_gannen))
        elif kind != "text":
            pieces.append(text)
    return "".join(pieces).strip()


def _is_minutes(tokens: Sequence[tuple[str, str]], index: int) -> bool:
    """After hours, or before seconds."""
    parts = [(at, text[0]) for at, (kind, text) in enumerate(tokens) if kind in ("date", "elapsed")]
    place = next(number for number, (at, _) in enumerate(parts) if at == index)
    before = parts[place - 1][1] if place else ""
    after = parts[place + 1][1] if place + 1 < len(parts) else ""
    return len(tokens[index][1]) <= 2 and (before == "h" or after == "s")


class _Moment:
    """A day and a time of day, rounded to what the format shows of a second."""

    def __init__(self, value: float, tokens: Sequence[tuple[str, str]], is_1904: bool) -> None:
        written = "".join(text if kind in ("date", "number", "elapsed") else "" for kind, text in tokens)
        decimals = min(written.partition(".")[2].count("0"), 3) if "s" in written else 3
        exact = Decimal(f"{value:.15g}") * _SECONDS_OF_DAY
        rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        self.seconds = int(rounded)
        self.fraction = list(f"{rounded - self.seconds:.3f}"[2:])
        days, rest = divmod(self.seconds, _SECONDS_OF_DAY)
        self.hour, rest = divmod(rest, 3600)
        self.minute, self.second = divmod(rest, 60)
        self.day = day_of(days, is_1904) if (days >= 1 or is_1904) and days <= _LAST_DAY else None
        self._is_half = any(kind == "half" for kind, _ in tokens)

    def half(self, text: str, is_japanese: bool) -> str:
        if text.upper() == "A/P":
            return "AP"[self.hour >= 12]
        return (("午前", "午後") if is_japanese else ("AM", "PM"))[self.hour >= 12]

    def elapsed(self, text: str) -> str:
        return f"{self.seconds // {'h': 3600, 'm': 60, 's': 1}[text[0]]:0{len(text)}d}"

    def part(self, text: str, from_gannen: bool) -> str:
        """One of the parts that a run of one letter names."""
        if text[0] == "h":
            hour = (self.hour - 1) % 12 + 1 if self._is_half else self.hour
            return f"{hour:0{min(len(text), 2)}d}"
        if text[0] == "s":
            return f"{self.second:0{min(len(text), 2)}d}"
        return _day_part(self.day, text, from_gannen) if self.day else ""


def _day_part(day: datetime.date, text: str, from_gannen: bool) -> str:
    letter, length = text[0], len(text)
    if letter == "y":
        return f"{day.year:04d}" if length > 2 else f"{day.year % 100:02d}"
    if letter == "m":
        name = _MONTHS[day.month - 1]
        return (str(day.month), f"{day.month:02d}", name[:3], name, name[0])[min(length, 5) - 1]
    if letter == "d":
        name = _ENGLISH_DAYS[day.weekday()]
        return (str(day.day), f"{day.day:02d}", name[:3], name)[min(length, 4) - 1]
    if letter == "a":
        return _WEEKDAYS[day.weekday()] + ("曜日" if length > 3 else "")
    begin, name, initial = next(era for era in _ERAS if era[0] <= day)
    era_name = (initial, name[0], name)[min(length, 3) - 1]
    year = day.year - begin.year + 1
    era_year = "元" if from_gannen and year == 1 else f"{year:0{min(length, 2)}d}"
    if letter == "r":
        return name + era_year if length > 1 else era_year
    return era_name if letter == "g" else era_year
