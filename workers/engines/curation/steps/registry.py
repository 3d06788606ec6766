"""Which function implements which step of a recipe.

A step is a generator `(settings, units, context) -> units` that declares with `@implements(...)` which settings class
of `workers.contract.specs.curation_steps` it belongs to. Every module of this package is imported to find them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from workers.contract.specs.curation_steps import StepSettings
from workers.engines.curation import steps
from workers.engines.curation.step_context import StepContext
from workers.engines.curation.units import Unit

SettingsT = TypeVar("SettingsT", bound=StepSettings)
StepFunction = Callable[[SettingsT, Iterable[Unit], StepContext], Iterator[Unit]]

_implementations: dict[type[StepSettings], StepFunction[Any]] = {}


def implements(settings: type[SettingsT]) -> Callable[[StepFunction[SettingsT]], StepFunction[SettingsT]]:
    def register(function: StepFunction[SettingsT]) -> StepFunction[SettingsT]:
        assert settings not in _implementations, f"two functions implement {settings.__name__}"
        _implementations[settings] = function
        return function

    return register


@cache
def implementations() -> Mapping[type[StepSettings], StepFunction[Any]]:
    """Of every step but `split`, which needs all records at once (`workers.engines.curation.split`)."""
    for module in pkgutil.iter_modules(steps.__path__, f"{steps.__name__}."):
        importlib.import_module(module.name)
    return _implementations
