"""The training loop: for each planned step forward and backward, update, report, and perhaps a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.runtime import EngineFault, Run, RunStopped
from workers.engines.training.backend import TrainingBackend
from workers.engines.training.checkpoints import CheckpointStore
from workers.engines.training.interruption import StepInterrupted
from workers.engines.training.objectives.base import TrainingObjective
from workers.engines.training.plan import Step, learning_rate_at
from workers.engines.training.processes import Processes
from workers.engines.training.samples import Sample, collate

METRICS_SECONDS = 0.2
"""Steps shorter than this share a point on the curve."""
LOSS_WINDOW = 10
SAVED = ("step", "tokens", "labelled_tokens", "first_losses", "last_losses")


@dataclass
class RunTotals:
    """What the run has done so far. The fields in SAVED are stored in each checkpoint's manifest."""

    step: int = 0
    tokens: int = 0
    labelled_tokens: int = 0
    first_losses: list[float] = field(default_factory=list)
    last_losses: list[float] = field(default_factory=list)
    """Of the first and of the newest steps, `LOSS_WINDOW` at most."""
    seconds: float = 0.0
    """Time in steps, of this attempt only."""
    attempt_tokens: int = 0
    """Tokens seen by this attempt."""

    def add(self, loss: float, tokens: int, labelled_tokens: int, seconds: float) -> None:
        self.step += 1
        self.tokens += tokens
        self.attempt_tokens += tokens
        self.labelled_tokens += labelled_tokens
        self.seconds += seconds
        self.first_losses = [*self.first_losses, loss][:LOSS_WINDOW]
        self.last_losses = [*self.last_losses, loss][-LOSS_WINDOW:]


@dataclass
class Loop:
    """Takes the steps of `plan` one after the other. All ranks run it, with the same data."""

    run: Run
    spec: TrainingSpec
    backend: TrainingBackend
    processes: Processes
    checkpoints: CheckpointStore
    objectives: Sequence[TrainingObjective]
    samples: Sequence[Sample]
    plan: Sequence[Step]
    metrics_seconds: float = METRICS_SECONDS
    totals: RunTotals = field(default_factory=RunTotals)
    reported_at: float = -math.inf
    """When the newest point of the curve was written (monotonic seconds)."""

    def resume(self) -> int | None:
        """Load the newest intact checkpoint, if there is one; returns its step.

        Raises EngineFault `checkpoint_damaged`.
        """
        found = self.checkpoints.resume(
            self.backend,
            self.processes,
            lambda message: self.run.log(message, level="warning", code="checkpoint_passed_over"),
        )
        if found is None:
            return None
        self.totals = RunTotals(**{name: found.facts[name] for name in SAVED})
        return found.step

    def train(self) -> RunTotals:
        """Take all steps that are left. Raises RunStopped after a checkpoint, EngineFault `loss_not_finite`."""
        totals, saved_at = self.totals, self.totals.step
        while totals.step < len(self.plan):
            try:
                self.take_step()
            except StepInterrupted:
                # It changed nothing: the state is that after the step before it.
                if totals.step > saved_at:
                    self.save_checkpoint()
                raise RunStopped(totals.step) from None
            stopping = self.processes.any_rank(self.run.stop_requested)
            is_last = totals.step == len(self.plan)
            if stopping or is_last or totals.step % self.spec.checkpoint.every_steps == 0:
                self.save_checkpoint()
                saved_at = totals.step
            if stopping and not is_last:
                raise RunStopped(saved_at)
        return totals

    def take_step(self) -> None:
        """One optimizer step over the packs planned for it. Raises StepInterrupted, EngineFault."""
        started = time.perf_counter()
        totals, total_steps = self.totals, len(self.plan)
        learning_rate = learning_rate_at(totals.step + 1, total_steps, self.spec.hyperparameters)

        # Each rank counts the whole step and computes every n-th pack of it.
        packs = [[self.samples[index] for index in pack] for pack in self.plan[totals.step]]
        samples = [sample for pack in packs for sample in pack]
        tokens = sum(len(sample) for sample in samples)
        labelled_tokens = sum(sample.labelled_tokens for sample in samples)
        total_weight = sum(sample.total_weight for sample in samples)
        own_packs = packs[self.processes.rank :: self.processes.count]
        batches = [collate(pack, self.objectives, self.backend.device) for pack in own_packs]

        loss = self.backend.forward_backward(batches, total_weight)
        if not math.isfinite(loss):
            raise EngineFault(
                "loss_not_finite",
                f"The loss of step {totals.step + 1} is not a number. Lower the learning rate.",
                param="hyperparameters.learning_rate",
                step=totals.step + 1,
            )
        grad_norm = self.backend.update(learning_rate)

        seconds = time.perf_counter() - started
        totals.add(loss, tokens, labelled_tokens, seconds)
        now = time.monotonic()
        if now - self.reported_at < self.metrics_seconds and totals.step not in (1, total_steps):
            return
        self.reported_at = now
        self.run.metrics(
            totals.step,
            loss=loss,
            learning_rate=learning_rate,
            grad_norm=grad_norm,
            tokens_per_second=tokens / seconds,
            tokens=totals.tokens,
        )
        # Steps hold about the same number of tokens, so the time left follows from the speed so far.
        tokens_left = (total_steps - totals.step) * totals.tokens / totals.step
        seconds_left = tokens_left * totals.seconds / totals.attempt_tokens
        self.run.progress(totals.step, total_steps, "step", seconds_left=seconds_left)

    def save_checkpoint(self) -> None:
        totals = self.totals
        facts = {name: getattr(totals, name) for name in SAVED}
        saved = self.checkpoints.save(self.backend, self.processes, data_position=totals.step, **facts)
        if saved is not None:
            path, digest = saved
            self.run.checkpoint(totals.step, path, digest, loss=totals.last_losses[-1])
