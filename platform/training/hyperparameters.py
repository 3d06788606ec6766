"""OpenAI's hyperparameters and our own, as one checked `Hyperparameters`."""

from __future__ import annotations

import math
from typing import Any

from pydantic import ValidationError

from common.errors import InvalidRequest
from common.wire import invalid_field
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
    for name, value in theirs.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise InvalidRequest(
                "invalid_value", f"{at}{name} must be a positive number or auto.", param=f"{at}{name}"
            )
    names: dict[str, str] = {}
    if "n_epochs" in theirs:
        own["epochs"], names["epochs"] = theirs["n_epochs"], "n_epochs"
    if "learning_rate_multiplier" in theirs:
        own["learning_rate"] = DEFAULTS.learning_rate * theirs["learning_rate_multiplier"]
        names["learning_rate"] = "learning_rate_multiplier"
    if "batch_size" in theirs:
        length = own.get("sequence_length", DEFAULTS.sequence_length)
        own["tokens_per_step"] = int(theirs["batch_size"]) * length if isinstance(length, int) else length
        names["tokens_per_step"] = "batch_size"
    try:
        return Hyperparameters.model_validate(own)
    except ValidationError as error:
        problem = invalid_field(error, own)
        name = names.get(problem.param or "", problem.param or "")
        param = f"{at}{name}".rstrip(".")
        raise InvalidRequest(problem.code, f"{param}: {error.errors()[0]['msg']}.", param=param) from error


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
