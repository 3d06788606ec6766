"""Steps of a recipe and reasons of a drop in the reader's language, as the steps themselves declare them.

A type or a reason that is not declared is shown as it is.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, ngettext

from workers.contract.specs.curation_steps import STEPS, Detail, step_of_key


def step_name(key: str) -> str:
    """`Drop noise` for the step `noise`, `Drop noise (2)` for `noise:2`."""
    type_, number = step_of_key(key)
    name = gettext(STEPS[type_].label) if type_ in STEPS else type_.replace("_", " ")
    return name if number == 1 else f"{name} ({number})"


def step_help(key: str) -> str:
    """What the step does, in one sentence."""
    type_, _ = step_of_key(key)
    return gettext(STEPS[type_].help) if type_ in STEPS else ""


_LISTED_TEXTS = ("never", "always")
"""Settings that may hold personal data: how many they are is shown."""


def setting_name(step: str, setting: str) -> str:
    type_, _ = step_of_key(step)
    known = STEPS[type_].settings if type_ in STEPS else {}
    return gettext(known[setting]) if setting in known else setting.replace("_", " ")


def setting_value(setting: str, value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if setting in _LISTED_TEXTS:
        count = len(value)
        return ngettext("%(count)d text", "%(count)d texts", count) % {"count": count}
    if isinstance(value, list):
        return gettext(", ").join(map(str, value)) or gettext("none")
    if isinstance(value, float):
        return f"{value:.0%}" if setting.endswith(("share", "repetition")) else f"{value:g}"
    return str(value)


def drop_reason(reason: str) -> str:
    for step in STEPS.values():
        if reason in step.reasons:
            return gettext(step.reasons[reason])
    return reason.replace("_", " ")


def drop_detail(step: str, reason: str, detail: str) -> str:
    """What more is said of a dropped unit, as a sentence; one of an unknown form is shown as it is."""
    known = _detail(step, reason)
    values = known.values_of(detail) if known else {}
    if known is None or not values:
        return detail
    shown = {
        name: f"{float(value):.0%}" if name.endswith("share") else value for name, value in values.items()
    }
    return gettext(known.sentence) % shown


def repeated_record(step: str, reason: str, detail: str) -> str:
    """The id of the record that a dropped unit repeats; empty if it repeats none."""
    known = _detail(step, reason)
    return known.values_of(detail).get("record", "") if known else ""


def _detail(step: str, reason: str) -> Detail | None:
    type_, _ = step_of_key(step)
    return STEPS[type_].details.get(reason) if type_ in STEPS else None
