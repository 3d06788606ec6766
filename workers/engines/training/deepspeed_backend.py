"""The backend for many processes under torchrun: DeepSpeed with ZeRO 0 to 3, on GPUs (nccl) or CPUs (gloo).

DeepSpeed stores its ZeRO shards as pickles. They are loaded only after the manifest of the checkpoint
and an HMAC over the shards are verified; the secret comes with the run (`KOSHA_RUN_SECRET`) and is never
written to disk. Without it such a checkpoint is not resumed. ZeRO 0 needs no pickles at all.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from workers.contract.artifacts import file_sha256
from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.runtime import EngineFault
from workers.engines.training.interruption import LayerStopChecks, StepInterrupted
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.processes import Processes, SharedStopCheck
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

SECRET_VARIABLE = "KOSHA_RUN_SECRET"  # noqa: S105 - a name, not the secret
SHARDS = "zero"
SIGNATURE = "shards.hmac"


class DeepSpeedBackend:
    """`backend.TrainingBackend` for more than one process; every method is called by all of them."""

    def __init__(
        self,
        model: PackedLanguageModel,
        spec: TrainingSpec,
        packs_per_process: int,
        processes: Processes,
        device: torch.device,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        if device.type == "cpu":
            os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported
        import deepspeed

        # Gloo is used instead; DeepSpeed would first compile its own shared-memory collective on the node.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed(verbose=False)
        self.device = device
        self.processes = processes
        self.zero_stage = spec.distributed.zero_stage
        self.accumulation = packs_per_process
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        # A group of its own on the CPUs: an answer from a GPU would wait for all the work queued on it.
        stop_check = SharedStopCheck(stop_requested, dist.new_group(backend="gloo"))
        self._stop_checks = LayerStopChecks(model.model.get_decoder(), stop_check)
        if self.zero_stage == 3:
            # The loss reads the output layer's weight without calling the layer.
            deepspeed.zero.register_external_parameter(model, model.head().weight)
        self.engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=new_optimizer(list(self.trainable.values()), spec.hyperparameters),
            config=deepspeed_config(spec, self.accumulation),
            dist_init_required=False,
        )
        self.model: torch.nn.Module = self.engine

    def forward_backward(self, batches: list[PackedBatch], total_weight: float) -> float:
        """After StepInterrupted, which all processes raise at the same point, the engine holds half of a
        step: it can be saved but cannot go on."""
        before = random_state()
        # DeepSpeed averages over processes and over packs; the loss is a mean over the step's weights instead.
        undo_average = self.processes.count * self.accumulation
        loss_sum = torch.zeros((), device=self.device)
        try:
            with self._stop_checks.active():
                for number, batch in enumerate(batches, start=1):
                    loss = self.engine(batch) / total_weight
                    self.engine.backward(loss * undo_average)
                    loss_sum += loss.detach()
                    if number < len(batches):
                        self.engine.step()  # not a boundary: counts the pack, changes no weight
        except StepInterrupted:
            set_random_state(before)
            raise
        dist.all_reduce(loss_sum)
        return loss_sum.item()

    def update(self, learning_rate: float) -> float:
        for group in self.engine.optimizer.param_groups:
            group["lr"] = learning_rate
        norm = None
        if self.zero_stage == 0:
            # Without ZeRO DeepSpeed does not return the norm; the gradients are the same on all ranks.
            norm = float(torch.nn.utils.get_total_norm([p.grad for p in self.trainable.values()]))
        self.engine.step()
        norm = self.engine.get_global_grad_norm() if norm is None else norm
        return float(norm) if norm is not None else 0.0

    def save(self, folder: Path) -> None:
        save_random_state(folder, self.processes.rank)
        if self.zero_stage == 0:
            if self.processes.rank == 0:
                save_replicated(folder, self.trainable, self.engine.optimizer)
            return
        self.engine.save_checkpoint(folder, tag=SHARDS, save_latest=False, exclude_frozen_parameters=True)
        self.processes.barrier()
        if self.processes.rank == 0:
            sign_shards(folder, _secret())

    def load(self, folder: Path) -> bool:
        """Raises EngineFault `checkpoint_unreadable`."""
        if self.zero_stage == 0:
            load_replicated(folder, self.trainable, self.engine.optimizer)
        # All ranks or none: a rank that starts again beside others that resume would train something else.
        elif self.processes.any_rank(not is_signed(folder, _secret())):
            return False
        else:
            path, _state = self.engine.load_checkpoint(folder, tag=SHARDS, load_module_strict=False)
            if path is None:  # DeepSpeed found nothing to load
                raise EngineFault(
                    "checkpoint_unreadable",
                    "The checkpoint is whole, but DeepSpeed could not read it; the engine's log has the details. "
                    "Start a new training with the same settings.",
                )
        load_random_state(folder, self.processes.rank)
        return True

    def full_state(self) -> dict[str, torch.Tensor] | None:
        if self.zero_stage < 3:
            return None
        whole = self.engine._zero3_consolidated_16bit_state_dict(exclude_frozen_parameters=True)
        prefix = "model."  # PackedLanguageModel's own attribute
        return {name.removeprefix(prefix): tensor for name, tensor in (whole or {}).items()}


def deepspeed_config(spec: TrainingSpec, accumulation: int) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": spec.hyperparameters.max_grad_norm,
        "zero_optimization": {"stage": spec.distributed.zero_stage},
        # torch's AdamW: DeepSpeed would first compile its own on the node.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 2**31,
    }


def sign_shards(folder: Path, secret: bytes) -> None:
    """Sign the shards of a checkpoint. Without a secret they stay unsigned and are never loaded."""
    if secret:
        (folder / SIGNATURE).write_text(_shards_hmac(folder / SHARDS, secret))


def is_signed(folder: Path, secret: bytes) -> bool:
    signature = folder / SIGNATURE
    if not secret or not signature.is_file():
        return False
    return hmac.compare_digest(signature.read_text(), _shards_hmac(folder / SHARDS, secret))


def _shards_hmac(folder: Path, secret: bytes) -> str:
    """Over the names and hashes of all files in `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = "".join(f"{file_sha256(path)} {path.relative_to(folder).as_posix()}\n" for path in files)
    return hmac.new(secret, listing.encode(), hashlib.sha256).hexdigest()


def _secret() -> bytes:
    return os.environ.get(SECRET_VARIABLE, "").encode()
