"""One process, one device: the plain AdamW loop, and its state as safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from workers.specs.train import Hyperparameters
from workers.training.data import Batch
from workers.training.model import PackedLanguageModel


class SingleProcess:
    """Owns the optimizer. The distributed backend has the same methods."""

    rank = 0
    processes = 1

    def __init__(self, model: PackedLanguageModel, settings: Hyperparameters, device: torch.device) -> None:
        self.model = model
        self.device = device
        self.max_grad_norm = settings.max_grad_norm
        self.trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.optimizer = new_optimizer(list(self.trainable.values()), settings)

    def forward_backward(self, batches: list[Batch], total_weight: float) -> float:
        """Accumulate the gradient of the step's mean weighted loss; returns that loss."""
        loss_sum = 0.0
        for batch in batches:
            loss = self.model(batch) / total_weight
            loss.backward()
            loss_sum += loss.item()
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

    def wait(self) -> None:
        """Return once every process is here."""

    def save(self, folder: Path) -> None:
        save_replicated(folder, self.trainable, self.optimizer)

    def load(self, folder: Path) -> None:
        load_replicated(folder, self.trainable, self.optimizer)

    def full_state(self) -> dict[str, torch.Tensor] | None:
        """The trained weights where the module itself does not hold them whole; here it does."""
        return None


def new_optimizer(parameters: list[torch.nn.Parameter], settings: Hyperparameters) -> torch.optim.AdamW:
    # Norms and biases are not decayed: they are vectors, and pulling them to zero hurts.
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)


def save_replicated(
    folder: Path, trainable: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    """Weights, Adam's moments and the random state, each a safetensors file; nothing is pickled."""
    weights = {name: p.detach().contiguous() for name, p in trainable.items()}
    save_file(weights, folder / "weights.safetensors")
    moments = {
        f"{name}.{key}": value.contiguous()
        for name, p in trainable.items()
        for key, value in optimizer.state[p].items()
    }
    save_file(moments, folder / "optimizer.safetensors")
    save_random_state(folder / "random.safetensors")


def load_replicated(
    folder: Path, trainable: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> None:
    weights = load_file(folder / "weights.safetensors")
    moments = load_file(folder / "optimizer.safetensors")
    with torch.no_grad():
        for name, p in trainable.items():
            p.copy_(weights[name])
            # Adam's step counter stays where fused AdamW wants it: on the parameter's device.
            optimizer.state[p] = {
                key: moments[f"{name}.{key}"].to(p.device) for key in ("step", "exp_avg", "exp_avg_sq")
            }
    load_random_state(folder / "random.safetensors")


def save_random_state(path: Path) -> None:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    save_file(states, path)


def load_random_state(path: Path) -> None:
    states = load_file(path)
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
