"""Steps of a recipe and reasons of a drop in the reader's language, as the steps themselves declare them.

A type or a reason that is not declared is shown as it is.
"""

from __future__ import annotations

from django.utils.translation import gettext

from workers.contract.specs.curation_steps import STEPS, step_of_key


def step_name(key: str) -> str:
    """`Drop noise` for the step `noise`, `Drop noise (2)` for `noise:2`."""
    type_, number = step_of_key(key)
    name = gettext(STEPS[type_].label) if type_ in STEPS else type_.replace("_", " ")
    return name if number == 1 else f"{name} ({number})"


def step_help(key: str) -> str:
    """What the step does, in one sentence."""
    type_, _ = step_of_key(key)
    return gettext(STEPS[type_].help) if type_ in STEPS else ""


def drop_reason(reason: str) -> str:
    for step in STEPS.values():
        if reason in step.reasons:
            return gettext(step.reasons[reason])
    return reason.replace("_", " ")
