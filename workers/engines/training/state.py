"""The state that each process holds in full: optimizer, weights and random numbers, saved as safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from workers.contract.specs.training import Hyperparameters


def new_optimizer(parameters: list[torch.nn.Parameter], settings: Hyperparameters) -> torch.optim.AdamW:
    # Norms and biases are not decayed: values near zero would degrade the model.
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)


def save_replicated(
    folder: Path, trainable: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    """Weights and Adam's moments, each a safetensors file; nothing is pickled."""
    weights = {name: p.detach().contiguous() for name, p in trainable.items()}
    save_file(weights, folder / "weights.safetensors")
    moments = {
        f"{name}.{key}": value.contiguous()
        for name, p in trainable.items()
        for key, value in optimizer.state[p].items()
    }
    save_file(moments, folder / "optimizer.safetensors")


def load_replicated(
    folder: Path, trainable: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    weights = load_file(folder / "weights.safetensors")
    moments = load_file(folder / "optimizer.safetensors")
    with torch.no_grad():
        for name, p in trainable.items():
            p.copy_(weights[name])
            # Fused AdamW needs its step counter on the parameter's device.
            optimizer.state[p] = {
                key: moments[f"{name}.{key}"].to(p.device) for key in ("step", "exp_avg", "exp_avg_sq")
            }


def random_state() -> dict[str, torch.Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_state(states: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def save_random_state(folder: Path, rank: int) -> None:
    save_file(random_state(), folder / f"random-{rank}.safetensors")


def load_random_state(folder: Path, rank: int) -> None:
    set_random_state(load_file(folder / f"random-{rank}.safetensors"))
