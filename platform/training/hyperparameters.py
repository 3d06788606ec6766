"""OpenAI's hyperparameters and our own, as one checked `Hyperparameters`."""

from __future__ import annotations

import math
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from common.errors import InvalidRequest
from common.wire import field_error, field_place
from workers.contract.specs.training import Hyperparameters

DEFAULTS = Hyperparameters()
OPENAI_FIELDS = ("n_epochs", "batch_size", "learning_rate_multiplier")


def hyperparameters(given: dict[str, Any], *, at: str) -> Hyperparameters:
    """`given` holds OpenAI's names (a number or `auto`) or ours; InvalidRequest names what is wrong.

    `n_epochs` is `epochs`; `batch_size` is full sequences per step; `learning_rate_multiplier`
    scales our default learning rate.
    """
    own = {name: value for name, value in given.items() if name not in OPENAI_FIELDS}
    theirs = {name: given[name] for name in OPENAI_FIELDS if given.get(name, "auto") not in ("auto", None)}
    length = own.get("sequence_length", DEFAULTS.sequence_length)
    if not isinstance(length, int) or length < 1:
        length = DEFAULTS.sequence_length  # refused below by its own name
    scales = {
        "n_epochs": ("epochs", 1),
        "batch_size": ("tokens_per_step", length),
        "learning_rate_multiplier": ("learning_rate", DEFAULTS.learning_rate),
    }
    for name, value in theirs.items():
        _require_positive(name, value, at)
        field, scale = scales[name]
        own[field] = value * scale
    try:
        return Hyperparameters.model_validate(own)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = field_place(problem["loc"], own)
        for name in theirs:
            field, scale = scales[name]
            if place == field:
                raise _beyond_limit(problem, f"{at}{name}", scale) from error
        raise field_error(problem, f"{at}{place}".rstrip(".")) from error


def _require_positive(name: str, value: Any, at: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if is_number and (name == "learning_rate_multiplier" or value == int(value)):
        return
    kind = "number" if name == "learning_rate_multiplier" else "whole number"
    raise InvalidRequest(
        "invalid_value", f"{at}{name} must be a positive {kind} or auto.", param=f"{at}{name}"
    )


def _beyond_limit(problem: ErrorDetails, param: str, scale: float) -> InvalidRequest:
    """The limit of our field as one of OpenAI's, `scale` of which is one of ours."""
    limits = problem.get("ctx", {})
    if "le" in limits:
        most = limits["le"] / scale
        problem["msg"] = f"Input should be less than or equal to {math.floor(most) if most >= 1 else most:g}"
    return field_error(problem, param)


def openai_hyperparameters(values: Hyperparameters) -> dict[str, Any]:
    """What a stock client reads back."""
    return {
        "n_epochs": values.epochs,
        "batch_size": max(1, values.tokens_per_step // values.sequence_length),
        "learning_rate_multiplier": values.learning_rate / DEFAULTS.learning_rate,
    }


def differing(given: dict[str, Any], values: Hyperparameters) -> str | None:
    """The first name in `given` whose value is not that of `values`; `auto` and null agree with every value."""
    chosen = {**values.model_dump(mode="json"), **openai_hyperparameters(values)}
    for name, value in given.items():
        if value not in ("auto", None) and not (name in chosen and _is_same(value, chosen[name])):
            return name
    return None


def _is_same(given: Any, chosen: Any) -> bool:
    is_number = isinstance(given, int | float) and isinstance(chosen, int | float)
    return math.isclose(given, chosen, rel_tol=1e-9) if is_number else bool(given == chosen)
