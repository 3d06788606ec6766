"""The model server's settings, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.contract.specs.serving import CONTEXT_LIMIT
from workers.engines.shared.precision import served_precision

GIB = 1 << 30


@dataclass(frozen=True)
class ServingSettings:
    token: str
    """Clients send it as `Authorization: Bearer`."""
    roots: tuple[Path, ...]
    """Only folders under these are loaded."""
    threads: int = 1
    batch_size: int = 8
    """Answers of one base model that are written together, one token each in a step."""
    queue_limit: int = 64
    """Answers that wait or are being written; one more is refused with 503."""
    search_seconds: float = 60.0
    """Longest search, with reading its index from disk; a longer one is answered with 503."""
    alive_seconds: float = 3.0
    """How often a request that takes longer receives something. Clients give up on a server that is
    silent for several times as long."""
    context_limit: int = CONTEXT_LIMIT
    """Most tokens of prompt and answer together, where the model could take more."""
    default_max_tokens: int = 1024
    """Longest answer where the request sets no limit."""
    memory_bytes: int = 8 * GIB
    """Weights and indexes in memory; beyond it those used longest ago are unloaded."""
    adapters_per_model: int = 16
    dtype: str = "auto"
    """Of the weights, as `choose_dtype` takes it."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ServingSettings:
        """Raises ValueError with a sentence for the operator."""
        token = environ.get("KOSHA_MODEL_SERVER_TOKEN", "")
        if not token:
            raise ValueError("Set KOSHA_MODEL_SERVER_TOKEN to the secret shared with the web process.")
        roots = [Path(part).resolve() for part in environ.get("KOSHA_MODEL_ROOTS", "").split(":") if part]
        if not roots:
            raise ValueError("Set KOSHA_MODEL_ROOTS to the folders of models and indexes, colon-separated.")
        memory_gib = max(1, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (2 * GIB))
        return cls(
            token=token,
            roots=tuple(roots),
            threads=_integer(environ, "KOSHA_THREADS", len(os.sched_getaffinity(0))),
            batch_size=_integer(environ, "KOSHA_SERVE_BATCH_SIZE", cls.batch_size),
            queue_limit=_integer(environ, "KOSHA_SERVE_QUEUE_LIMIT", cls.queue_limit),
            search_seconds=_integer(environ, "KOSHA_SERVE_SEARCH_SECONDS", int(cls.search_seconds)),
            context_limit=_integer(environ, "KOSHA_SERVE_CONTEXT_LIMIT", cls.context_limit),
            default_max_tokens=_integer(environ, "KOSHA_SERVE_MAX_TOKENS", cls.default_max_tokens),
            memory_bytes=_integer(environ, "KOSHA_SERVE_MEMORY_GIB", memory_gib) * GIB,
            dtype=served_precision(environ),
        )


def _integer(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a positive number, not {text!r}.")
    return int(text)
