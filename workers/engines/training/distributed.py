"""Many processes under torchrun: DeepSpeed with ZeRO 0 to 3, on GPUs (nccl) or CPUs (gloo).

DeepSpeed keeps its ZeRO shards as pickles. They are loaded only after the manifest of the checkpoint
and an HMAC over the shards hold; the secret comes with the run (`KOSHA_RUN_SECRET`) and never
touches the disk. Without it such a checkpoint is not resumed. ZeRO 0 needs no pickles at all.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from workers.contract.artifacts import file_sha256
from workers.contract.specs.training import TrainingSpec
from workers.engines.shared.runtime import EngineFault
from workers.engines.training.breaking_off import Breaker, BrokenOff
from workers.engines.training.data import Batch
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.packing import PlanSettings
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
SEAL = "shards.hmac"
LOOK_SECONDS = 0.25
"""About so often within a step the processes ask one another whether to leave it."""


def local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def join_processes(expected: int, device: torch.device) -> None:
    """Find the other processes. Raises EngineFault `wrong_world_size`."""
    if device.type == "cpu":
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != expected:
        raise EngineFault(
            "wrong_world_size", f"The run asks for {expected} processes but was started with {world}."
        )
    store, rank, _ = next(dist.rendezvous("env://"))
    # After a restart by torchrun the keys of the dead attempt are still in the store, and gloo
    # would call the dead process's port; a prefix gives each attempt its own keys.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"attempt_{attempt}", store)
    backend = "gloo" if device.type == "cpu" else "nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world)


class AskedTogether:
    """Whether any process was told to stop, asked at a place that all of them pass equally often.

    An answer costs a round between the machines and the wait for the slowest, so most places are passed
    without one. How many, the processes agree on with each answer: apart they would wait for one another
    at different places, for ever.
    """

    def __init__(self, stop_requested: Callable[[], bool], group: dist.ProcessGroup) -> None:
        self._stop_requested = stop_requested
        self._group = group
        self._every = 1
        self._passed = 0
        self._asked_at = time.perf_counter()

    def __call__(self) -> bool:
        self._passed += 1
        if self._passed < self._every:
            return False
        now = time.perf_counter()
        seconds_each = (now - self._asked_at) / self._passed
        said = torch.tensor([float(self._stop_requested()), seconds_each], dtype=torch.float64)
        dist.all_reduce(said, op=dist.ReduceOp.MAX, group=self._group)
        stopping, slowest = said.tolist()
        self._every = max(1, int(LOOK_SECONDS / slowest))
        self._passed, self._asked_at = 0, now
        return bool(stopping)


class DeepSpeedProcesses:
    """The backend of `loop.py` for more than one process; every method is called by all of them."""

    def __init__(
        self,
        model: PackedLanguageModel,
        spec: TrainingSpec,
        plan: PlanSettings,
        device: torch.device,
        stop_requested: Callable[[], bool] = lambda: False,
    ):
        join_processes(spec.processes, device)
        import deepspeed

        # Gloo serves; DeepSpeed's own shared-memory collective would be compiled on the node first.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed(verbose=False)
        self.device = device
        self.rank = dist.get_rank()
        self.processes = dist.get_world_size()
        self.zero_stage = spec.distributed.zero_stage
        self.accumulation = plan.packs_per_process
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        # A group of its own on the processors: an answer from a GPU would wait for all its work.
        asked = AskedTogether(stop_requested, dist.new_group(backend="gloo"))
        self._breaker = Breaker(model.model.get_decoder(), asked)
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

    def forward_backward(self, batches: list[Batch], total_weight: float) -> float:
        """As in `single.py`; after BrokenOff, which all processes raise at the same place, the engine has
        half of a step in it and can be saved, but not go on."""
        before = random_state()
        try:
            with self._breaker.armed():
                loss_sum = self._accumulate(batches, total_weight)
        except BrokenOff:
            set_random_state(before)
            raise
        dist.all_reduce(loss_sum)
        return loss_sum.item()

    def _accumulate(self, batches: list[Batch], total_weight: float) -> torch.Tensor:
        # DeepSpeed averages over processes and over packs; the loss is a mean over tokens instead.
        undo = self.processes * self.accumulation
        loss_sum = torch.zeros((), device=self.device)
        for number, batch in enumerate(batches, start=1):
            loss = self.engine(batch) / total_weight
            self.engine.backward(loss * undo)
            loss_sum += loss.detach()
            if number < len(batches):
                self.engine.step()  # not a boundary: counts the pack, changes no weight
        return loss_sum

    def update(self, learning_rate: float) -> float:
        for group in self.engine.optimizer.param_groups:
            group["lr"] = learning_rate
        norm = self._norm() if self.zero_stage == 0 else None
        self.engine.step()
        norm = self.engine.get_global_grad_norm() if norm is None else norm
        return float(norm) if norm is not None else 0.0

    def _norm(self) -> float:
        """Before clipping. Without ZeRO DeepSpeed does not tell it; gradients are equal everywhere."""
        return float(torch.nn.utils.get_total_norm([p.grad for p in self.trainable.values()]))

    def anyone(self, flag: bool) -> bool:
        answer = torch.tensor(int(flag), device=self.device)
        dist.all_reduce(answer, op=dist.ReduceOp.MAX)
        return bool(answer.item())

    def told_by_first(self, value: Path | None) -> Path | None:
        said = [str(value) if value else None]
        dist.broadcast_object_list(said, src=0)
        return Path(said[0]) if said[0] else None

    def wait(self) -> None:
        dist.barrier()

    def leave(self) -> None:
        dist.destroy_process_group()

    def save(self, folder: Path) -> None:
        save_random_state(folder / f"random-{self.rank}.safetensors")
        if self.zero_stage == 0:
            if self.rank == 0:
                save_replicated(folder, self.trainable, self.engine.optimizer)
            return
        self.engine.save_checkpoint(folder, tag=SHARDS, save_latest=False, exclude_frozen_parameters=True)
        self.wait()
        if self.rank == 0:
            sign(folder, _secret())

    def trusts(self, folder: Path) -> bool:
        if self.zero_stage == 0:
            return True
        return is_signed(folder, _secret())

    def load(self, folder: Path) -> None:
        if self.zero_stage == 0:
            load_replicated(folder, self.trainable, self.engine.optimizer)
        else:
            path, _state = self.engine.load_checkpoint(folder, tag=SHARDS, load_module_strict=False)
            if path is None:  # DeepSpeed's way to say that it found nothing to load
                raise EngineFault(
                    "checkpoint_unreadable",
                    "The checkpoint is whole, but DeepSpeed could not read it; the engine's log has the details. "
                    "Start a new training with the same settings.",
                )
        load_random_state(folder / f"random-{self.rank}.safetensors")

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
        # torch's AdamW: DeepSpeed's own would be compiled on the node first.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 2**31,
    }


def sign(folder: Path, secret: bytes) -> None:
    """Seal the shards of a checkpoint; without a secret they stay unsigned and are never loaded."""
    if secret:
        (folder / SEAL).write_text(shards_hmac(folder / SHARDS, secret))


def is_signed(folder: Path, secret: bytes) -> bool:
    seal = folder / SEAL
    if not secret or not seal.is_file():
        return False
    return hmac.compare_digest(seal.read_text(), shards_hmac(folder / SHARDS, secret))


def shards_hmac(folder: Path, secret: bytes) -> str:
    """Over the names and hashes of everything in `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = "".join(f"{file_sha256(path)} {path.relative_to(folder).as_posix()}\n" for path in files)
    return hmac.new(secret, listing.encode(), hashlib.sha256).hexdigest()


def _secret() -> bytes:
    return os.environ.get(SECRET_VARIABLE, "").encode()
