"""What a run can be trained for. Each objective is one file in this folder, and is found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workers.contract.specs.training import Hyperparameters
from workers.engines.shared.runtime import UserError
from workers.engines.training.objectives.base import OBJECTIVES, TrainingObjective

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def make_objectives(
    names: Sequence[str], tokenizer: PreTrainedTokenizerBase, settings: Hyperparameters
) -> list[TrainingObjective]:
    """Raises UserError `invalid_spec` for a name that no objective has."""
    unknown = [name for name in names if name not in OBJECTIVES]
    if unknown:
        known = ", ".join(sorted(OBJECTIVES))
        raise UserError(
            "invalid_spec",
            f"There is no objective {unknown[0]!r}; use {known}.",
            param="objectives",
            reason="objective",
            name=unknown[0],
        )
    return [OBJECTIVES[name](tokenizer, settings) for name in names]
