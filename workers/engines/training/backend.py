"""The backend of the training loop: gradients, optimizer and their checkpoints; here for a single process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from workers.contract.specs.training import Hyperparameters
from workers.engines.training.interruption import LayerStopChecks, StepInterrupted
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.samples import PackedBatch
from workers.engines.training.state import (
    load_random_state,
    load_replicated,
    new_optimizer,
    random_state,
    save_random_state,
    save_replicated,
    set_random_state,
)


class TrainingBackend(Protocol):
    """What the loop needs from one process (`SingleProcess`) or from many (`deepspeed_backend.py`)."""

    device: torch.device
    model: torch.nn.Module
    """Called with a PackedBatch, returns its loss as PackedLanguageModel does."""

    def forward_backward(self, batches: list[PackedBatch], total_weight: float) -> float:
        """Accumulate the gradient of the step's mean loss; returns that loss over all processes.

        `batches` are this process's packs, `total_weight` is the denominator of the mean for all of them.
        Raises StepInterrupted when a stop was requested during it.
        """

    def update(self, learning_rate: float) -> float:
        """Clip the gradient, step, clear it; returns the gradient's norm before clipping."""

    def save(self, folder: Path) -> None:
        """Write the state into the checkpoint `folder`; every process calls it."""

    def load(self, folder: Path) -> bool:
        """Restore the state from `folder`; False, with nothing changed, where it may not be trusted."""

    def full_state(self) -> dict[str, torch.Tensor] | None:
        """The trained weights where the module does not hold them whole itself, else None."""


class SingleProcess:
    """One process, one device: the plain AdamW step."""

    def __init__(
        self,
        model: PackedLanguageModel,
        settings: Hyperparameters,
        device: torch.device,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.model = model
        self.device = device
        self._stop_checks = LayerStopChecks(model.model.get_decoder(), stop_requested)
        self.max_grad_norm = settings.max_grad_norm
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.optimizer = new_optimizer(list(self.trainable.values()), settings)

    def forward_backward(self, batches: list[PackedBatch], total_weight: float) -> float:
        before = random_state()
        loss_sum = 0.0
        try:
            with self._stop_checks.active():
                for batch in batches:
                    loss = self.model(batch) / total_weight
                    loss.backward()
                    loss_sum += loss.item()
        except StepInterrupted:
            self.optimizer.zero_grad(set_to_none=True)
            set_random_state(before)
            raise
        return loss_sum

    def update(self, learning_rate: float) -> float:
        norm = torch.nn.utils.clip_grad_norm_(self.trainable.values(), self.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(norm)

    def save(self, folder: Path) -> None:
        save_replicated(folder, self.trainable, self.optimizer)
        save_random_state(folder, rank=0)

    def load(self, folder: Path) -> bool:
        load_replicated(folder, self.trainable, self.optimizer)
        load_random_state(folder, rank=0)
        return True

    def full_state(self) -> dict[str, torch.Tensor] | None:
        return None
