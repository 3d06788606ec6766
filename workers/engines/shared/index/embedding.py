"""Sentence embeddings from a local model folder: unit vectors of questions and of passages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from workers.contract.model_folder import check_model_folder
from workers.engines.shared.index.turns import Claim, Turns
from workers.engines.shared.language_models import LOADING
from workers.engines.shared.precision import Machine, choose_dtype

Role = Literal["query", "passage"]
Vectors = NDArray[np.float32]

MAX_TOKENS = 512
TOKENS_PER_BATCH = 4096
"""Padding included."""
SHARED_TOKENS_PER_BATCH = MAX_TOKENS
"""On a CPU where others wait meanwhile. A batch of 512 takes a quarter of a second on a core; eight times as many
tokens at once take 5 to 10% less of its time each."""
# Where the model folder names no prefixes of questions and passages.
E5_PREFIXES = {"query": "query: ", "passage": "passage: "}


class Embedder:
    """One embedding model. Thread-safe: one batch is computed at a time, in turn for those that ask."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """`is_shared`: batches are short, since other requests wait meanwhile.

        Raises UnsafeModelFolder for a folder with pickles, code or damaged weights.
        """
        check_model_folder(folder)
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        machine = Machine.here()
        dtype = choose_dtype("embeddings", machine)
        with LOADING:
            model = AutoModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=dtype
            )
        self._model = model.to(machine.device).eval()
        is_short = is_shared and machine.device == "cpu"
        self._tokens_per_batch = SHARED_TOKENS_PER_BATCH if is_short else TOKENS_PER_BATCH
        prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
        named = {role: prompts[role] for role in E5_PREFIXES if isinstance(prompts.get(role), str)}
        self._prefixes = named or E5_PREFIXES
        pooling = _json(folder / "1_Pooling" / "config.json")
        self._first_token_only = bool(pooling.get("pooling_mode_cls_token"))
        self._turns = Turns()
        self.dimensions: int = model.config.hidden_size
        self.bytes = sum(weight.nbytes for weight in model.parameters())
        positions = getattr(model.config, "max_position_embeddings", MAX_TOKENS)
        self.context_length: int = min(MAX_TOKENS, positions)

    def embed(
        self,
        texts: Sequence[str],
        role: Role,
        progress: Callable[[int], None] | None = None,
        claim: Claim = Claim(),
    ) -> Vectors:
        """(len(texts), dimensions), each row of length 1. `progress` is called with how many are done and may raise."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        encoded = self._encode(texts, role)
        done = 0
        for rows in _batches([len(ids) for ids in encoded], self._tokens_per_batch):
            with self._turns.take(claim):
                vectors[rows] = self._forward([encoded[row] for row in rows])
            done += len(rows)
            if progress:
                progress(done)
        return vectors

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Of each whole text; `embed` reads no more than `context_length` of them."""
        return [len(ids) for ids in self._encode(texts, role, truncation=False)]

    def _encode(self, texts: Sequence[str], role: Role, *, truncation: bool = True) -> list[list[int]]:
        prefixed = [self._prefixes.get(role, "") + text for text in texts]
        options = {"truncation": True, "max_length": self.context_length} if truncation else {}
        ids: list[list[int]] = self._tokenizer(prefixed, verbose=False, **options)["input_ids"]
        return ids

    @torch.inference_mode()
    def _forward(self, rows: list[list[int]]) -> Vectors:
        batch = self._tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(self._model.device)
        hidden = self._model(**batch).last_hidden_state
        if self._first_token_only:
            pooled = hidden[:, 0]
        else:
            mask = batch["attention_mask"].unsqueeze(-1)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(pooled, dim=-1).float().cpu().numpy()


def _batches(lengths: list[int], limit: int) -> Iterator[list[int]]:
    """Rows grouped by similar length, so that there is little padding."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending order: the newest row is the longest one, to which the batch is padded.
        if batch and (len(batch) + 1) * lengths[row] > limit:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return value
