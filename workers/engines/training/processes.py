"""The processes (ranks) of one run: how they find one another and what they agree on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from workers.engines.shared.runtime import EngineFault

STOP_CHECK_SECONDS = 0.25
"""About so often within a step the processes ask one another whether a stop was requested."""


@dataclass(frozen=True)
class Processes:
    """Every method is called by all ranks at the same point. With a single process each is a no-op."""

    rank: int = 0
    count: int = 1
    device: torch.device | str = "cpu"

    def any_rank(self, flag: bool) -> bool:
        """Whether `flag` is true on at least one rank."""
        if self.count == 1:
            return flag
        answer = torch.tensor(int(flag), device=self.device)
        dist.all_reduce(answer, op=dist.ReduceOp.MAX)
        return bool(answer.item())

    def broadcast_from_rank0(self, value: Path | None) -> Path | None:
        """Rank 0's `value`, whatever the other ranks pass."""
        if self.count == 1:
            return value
        sent = [str(value) if value else None]
        dist.broadcast_object_list(sent, src=0)
        return Path(sent[0]) if sent[0] else None

    def barrier(self) -> None:
        """Return once every rank is here."""
        if self.count > 1:
            dist.barrier()

    def leave(self) -> None:
        if self.count > 1:
            dist.destroy_process_group()


def join_processes(expected: int, device: torch.device) -> Processes:
    """Find the other processes that torchrun started. Raises EngineFault `wrong_world_size`."""
    if expected == 1:
        return Processes(device=device)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != expected:
        raise EngineFault(
            "wrong_world_size",
            f"The run asks for {expected} processes but was started with {world}.",
            expected=expected,
            started=world,
        )
    store, rank, _ = next(dist.rendezvous("env://"))
    # After a restart by torchrun the keys of the failed attempt are still in the store, and gloo
    # would connect to the port of an ended process; a prefix gives each attempt its own keys.
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"attempt_{attempt}", store)
    backend = "gloo" if device.type == "cpu" else "nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world)
    return Processes(dist.get_rank(), dist.get_world_size(), device)


class SharedStopCheck:
    """Whether any rank was asked to stop, checked at points that all ranks pass equally often.

    A check costs a round between the machines and the wait for the slowest, so most points are passed
    without one. The ranks agree with each check on how many points to pass: otherwise they would wait for
    one another at different points, forever.
    """

    def __init__(self, stop_requested: Callable[[], bool], group: dist.ProcessGroup) -> None:
        self._stop_requested = stop_requested
        self._group = group
        self._every = 1
        self._passed = 0
        self._checked_at = time.perf_counter()

    def __call__(self) -> bool:
        self._passed += 1
        if self._passed < self._every:
            return False
        now = time.perf_counter()
        seconds_each = (now - self._checked_at) / self._passed
        mine = torch.tensor([float(self._stop_requested()), seconds_each], dtype=torch.float64)
        dist.all_reduce(mine, op=dist.ReduceOp.MAX, group=self._group)
        stopping, slowest = mine.tolist()
        self._every = max(1, int(STOP_CHECK_SECONDS / slowest))
        self._passed, self._checked_at = 0, now
        return bool(stopping)
