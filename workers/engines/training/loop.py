"""The training loop: plan in, steps out, with events, checkpoints and an orderly stop."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from workers.contract.artifacts import verify_manifest
from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.runtime import EngineFault, Run, StopRequested
from workers.engines.training.breaking_off import BrokenOff
from workers.engines.training.checkpoints import Checkpoint, CheckpointStore, telling_damage
from workers.engines.training.data import Batch, Sample, collate
from workers.engines.training.packing import Step
from workers.engines.training.schedule import learning_rate_at

METRICS_SECONDS = 0.2
"""Steps shorter than this share a point on the curve."""
LOSS_WINDOW = 10
SAVED = ("step", "tokens", "labelled_tokens", "first_losses", "last_losses")


class Backend(Protocol):
    """What a step needs from one process or from many (`single.py`, `distributed.py`)."""

    rank: int
    processes: int
    device: torch.device
    model: torch.nn.Module
    """Called with a Batch, answers as PackedLanguageModel does."""

    def forward_backward(self, batches: list[Batch], total_weight: float) -> float: ...
    def update(self, learning_rate: float) -> float: ...
    def anyone(self, flag: bool) -> bool: ...
    def told_by_first(self, value: Path | None) -> Path | None: ...
    def wait(self) -> None: ...
    def leave(self) -> None: ...
    def save(self, folder: Path) -> None: ...
    def trusts(self, folder: Path) -> bool: ...
    def load(self, folder: Path) -> None: ...
    def full_state(self) -> dict[str, torch.Tensor] | None: ...


@dataclass
class Account:
    """What the run has done so far; it travels in each checkpoint's manifest."""

    step: int = 0
    tokens: int = 0
    labelled_tokens: int = 0
    first_losses: list[float] = field(default_factory=list)
    last_losses: list[float] = field(default_factory=list)
    """Of the first and of the newest steps, `LOSS_WINDOW` at most."""
    seconds: float = 0.0
    """In steps, by this attempt."""
    tokens_here: int = 0
    """Tokens seen by this attempt."""

    def add(self, loss: float, tokens: int, labelled_tokens: int, seconds: float) -> None:
        self.step += 1
        self.tokens += tokens
        self.tokens_here += tokens
        self.labelled_tokens += labelled_tokens
        self.seconds += seconds
        self.first_losses = [*self.first_losses, loss][:LOSS_WINDOW]
        self.last_losses = [*self.last_losses, loss][-LOSS_WINDOW:]

    def facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SAVED}


class Loop:
    """Runs the planned steps from wherever the newest sound checkpoint leaves off."""

    def __init__(
        self,
        run: Run,
        spec: TrainingSpec,
        backend: Backend,
        samples: list[Sample],
        plan: list[Step],
        store: CheckpointStore,
        metrics_seconds: float = METRICS_SECONDS,
    ) -> None:
        self.run = run
        self.spec = spec
        self.backend = backend
        self.samples = samples
        self.plan = plan
        self.store = store
        self.metrics_seconds = metrics_seconds
        self.account = Account()
        self._last_point = -math.inf

    def resume(self) -> int | None:
        """Load the newest sound checkpoint, if there is one; returns its step.

        Raises EngineFault `checkpoint_damaged`.
        """
        found = self._agreed()
        if found is None:
            return None
        with telling_damage(found.path):
            # All of them or none: who begins anew beside others that resume would train something else.
            if self.backend.anyone(not self.backend.trusts(found.path)):
                verify_manifest(found.path)
                self.run.log(
                    "The checkpoint's shards are not signed for this run; starting again.", level="warning"
                )
                return None
            self.backend.load(found.path)
            if self.backend.rank == 0:
                verify_manifest(found.path)  # also what was read after the first look was whole
        self.account = Account(**{name: found.facts[name] for name in SAVED})
        return found.step

    def _agreed(self) -> Checkpoint | None:
        """What the first process found sound, for all: each for itself might choose another one, when
        a file is damaged between two looks, and then they would train apart."""
        found = None
        if self.backend.rank == 0:
            found = self.store.newest_sound(lambda message: self.run.log(message, level="warning"))
        path = self.backend.told_by_first(found.path if found else None)
        if self.backend.rank == 0 or path is None:
            return found
        with telling_damage(path):
            return self.store.at(path)

    def train(self) -> Account:
        """All steps that are left. Raises StopRequested after a checkpoint, EngineFault `loss_not_finite`."""
        saved_at = self.account.step
        while self.account.step < len(self.plan):
            try:
                self._one_step()
            except BrokenOff:
                if self.account.step > saved_at:
                    self.checkpoint()
                raise StopRequested(self.account.step) from None
            stopping = self.backend.anyone(self.run.stop_requested)
            due = self.account.step % self.spec.checkpoint.every_steps == 0
            if due or stopping or self.account.step == len(self.plan):
                self.checkpoint()
                saved_at = self.account.step
            if stopping and self.account.step < len(self.plan):
                raise StopRequested(saved_at)
        return self.account

    def checkpoint(self) -> None:
        account = self.account
        if self.backend.rank == 0:
            self.store.begin(account.step)
        self.backend.wait()
        self.backend.save(self.store.folder / f"{account.step}.tmp")
        self.backend.wait()
        if self.backend.rank == 0:
            path, digest = self.store.commit(data_position=account.step, **account.facts())
            self.run.checkpoint(account.step, path, digest, loss=account.last_losses[-1])
        self.backend.wait()

    def _one_step(self) -> None:
        started = time.perf_counter()
        account = self.account
        step = self.plan[account.step]
        learning_rate = learning_rate_at(account.step + 1, len(self.plan), self.spec.hyperparameters)
        loss, grad_norm, tokens, labelled = self._update(step, learning_rate)
        seconds = time.perf_counter() - started
        account.add(loss, tokens, labelled, seconds)
        self._tell(loss, learning_rate, grad_norm, tokens / seconds)

    def _update(self, step: Step, learning_rate: float) -> tuple[float, float, int, int]:
        seen = [self.samples[index] for pack in step for index in pack]
        tokens = sum(len(sample) for sample in seen)
        labelled = sum(int((sample.weights > 0).sum()) for sample in seen)
        total_weight = sum(float(sample.weights.sum()) for sample in seen)
        mine = step[self.backend.rank :: self.backend.processes]
        batches = [collate([self.samples[index] for index in pack], self.backend.device) for pack in mine]
        loss = self.backend.forward_backward(batches, total_weight)
        if not math.isfinite(loss):
            raise EngineFault(
                "loss_not_finite",
                f"The loss of step {self.account.step + 1} is not a number. Lower the learning rate.",
                param="hyperparameters.learning_rate",
            )
        return loss, self.backend.update(learning_rate), tokens, labelled

    def _tell(self, loss: float, learning_rate: float, grad_norm: float, tokens_per_second: float) -> None:
        account, now, total = self.account, time.monotonic(), len(self.plan)
        first_or_last = account.step in (1, total)
        if now - self._last_point < self.metrics_seconds and not first_or_last:
            return
        self._last_point = now
        self.run.metrics(
            account.step,
            loss=loss,
            learning_rate=learning_rate,
            grad_norm=grad_norm,
            tokens_per_second=tokens_per_second,
            tokens=account.tokens,
        )
        # Steps hold about the same number of tokens, so time left follows from the speed so far.
        tokens_left = (total - account.step) * account.tokens / account.step
        seconds_left = tokens_left * account.seconds / account.tokens_here
        self.run.progress(account.step, total, "step", seconds_left=seconds_left)
