"""The number format in which a model computes on this machine: serving, evaluation and embedding ask here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Purpose = Literal["answers", "likelihoods", "embeddings", "merging"]
SETTING = "KOSHA_SERVE_DTYPE"
"""The operator's choice for answers: one of `CHOICES`."""
CHOICES = ("auto", "float32", "bfloat16")

_BFLOAT16_PRODUCTS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""Instructions of x86 and ARM that multiply bfloat16. Without one of them a processor converts each number
first: products of 64 rows were five times slower than in float32, those of large matrices a hundred times."""


@dataclass(frozen=True)
class Machine:
    """What the choice depends on."""

    device: str
    """`cuda` or `cpu`."""
    multiplies_bfloat16: bool

    @classmethod
    def here(cls) -> Machine:
        import torch

        if torch.cuda.is_available():
            return cls("cuda", torch.cuda.is_bf16_supported(including_emulation=False))
        return cls.with_processor(torch.cpu.get_capabilities())

    @classmethod
    def with_processor(cls, capabilities: Mapping[str, Any]) -> Machine:
        """`capabilities` as `torch.cpu.get_capabilities` names them."""
        return cls("cpu", any(capabilities.get(name) for name in _BFLOAT16_PRODUCTS))


def served_precision(environ: Mapping[str, str] = os.environ) -> str:
    """The operator's choice. Raises ValueError with a sentence for the operator."""
    choice = environ.get(SETTING) or "auto"
    if choice not in CHOICES:
        raise ValueError(f"{SETTING} must be one of {', '.join(CHOICES)}, not {choice!r}.")
    return choice


def choose_dtype(purpose: Purpose, machine: Machine, choice: str = "auto") -> torch.dtype:
    """The number format for `purpose`. `choice` is the operator's, and counts for answers alone.

    - answers: bfloat16 where the machine multiplies it, else float32. What is served and what an evaluation
      generates is the same.
    - likelihoods: summed over thousands of tokens, so float32, except where a GPU is much faster in bfloat16.
    - embeddings: float32, since vectors made on different machines meet in one index.
    - merging: float32. In bfloat16 the small changes of an adapter are largely rounded away.
    """
    import torch

    if purpose == "answers" and choice != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[choice]
    fast = {
        "answers": machine.multiplies_bfloat16,
        "likelihoods": machine.multiplies_bfloat16 and machine.device == "cuda",
        "embeddings": False,
        "merging": False,
    }
    return torch.bfloat16 if fast[purpose] else torch.float32
