"""One process, one device: the plain AdamW step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from workers.contract.specs.training import Hyperparameters
from workers.engines.training.breaking_off import Breaker, BrokenOff
from workers.engines.training.data import Batch
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.state import (
    load_random_state,
    load_replicated,
    new_optimizer,
    random_state,
    save_random_state,
    save_replicated,
    set_random_state,
)


class SingleProcess:
    """Owns the optimizer. The distributed backend has the same methods."""

    rank = 0
    processes = 1

    def __init__(
        self,
        model: PackedLanguageModel,
        settings: Hyperparameters,
        device: torch.device,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.model = model
        self._breaker = Breaker(model.model.get_decoder(), stop_requested)
        self.device = device
        self.max_grad_norm = settings.max_grad_norm
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.optimizer = new_optimizer(list(self.trainable.values()), settings)

    def forward_backward(self, batches: list[Batch], total_weight: float) -> float:
        """Accumulate the gradient of the step's mean weighted loss; returns that loss.

        Raises BrokenOff, with everything as before, when a stop was requested in the meantime.
        """
        before = random_state()
        loss_sum = 0.0
        try:
            with self._breaker.armed():
                for batch in batches:
                    loss = self.model(batch) / total_weight
                    loss.backward()
                    loss_sum += loss.item()
        except BrokenOff:
            self.optimizer.zero_grad(set_to_none=True)
            set_random_state(before)
            raise
        return loss_sum

    def update(self, learning_rate: float) -> float:
        """Clip, step, clear; returns the gradient's norm before clipping."""
        norm = torch.nn.utils.clip_grad_norm_(self.trainable.values(), self.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def anyone(self, flag: bool) -> bool:
        """Whether any process says yes."""
        return flag

    def told_by_first(self, value: Path | None) -> Path | None:
        """What the first process says, whatever the others do."""
        return value

    def wait(self) -> None:
        """Return once every process is here."""

    def leave(self) -> None:
        """The last call: part from the other processes."""

    def save(self, folder: Path) -> None:
        save_replicated(folder, self.trainable, self.optimizer)
        save_random_state(folder / f"random-{self.rank}.safetensors")

    def trusts(self, folder: Path) -> bool:
        """Whether `load` may read this checkpoint, whose manifest already holds."""
        return True

    def load(self, folder: Path) -> None:
        load_replicated(folder, self.trainable, self.optimizer)
        load_random_state(folder / f"random-{self.rank}.safetensors")

    def full_state(self) -> dict[str, torch.Tensor] | None:
        """The trained weights where the module itself does not hold them whole; here it does."""
        return None
