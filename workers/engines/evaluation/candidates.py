"""The candidates of an evaluation: each model folder is loaded once, and one candidate is active at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workers.contract.artifacts import ArtifactDamaged, verify_model_folder
from workers.contract.model_folder import UnsafeModelFolder
from workers.contract.specs.evaluation import Candidate, CandidateIndex
from workers.engines.shared.integrity import damaged_file, require_intact
from workers.engines.shared.language_models import (
    load_adapter,
    load_base_model,
    load_tokenizer,
    verify_adapter,
)
from workers.engines.shared.runtime import EngineFault, UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class CandidateSearch:
    """The search in a candidate's index."""

    def __init__(self, spec: CandidateIndex) -> None:
        """Raises EngineFault `artifact_damaged`, UserError `base_model_…`, `embedding_model_mismatch`."""
        from workers.engines.shared.index.embedding import Embedder
        from workers.engines.shared.index.search import Index

        self._spec = spec
        try:
            self._index = Index(spec.folder, spec.manifest_sha256)
            verify_model_folder(spec.embedding_model, spec.embedding_model_digest)
            self._embedder = Embedder(spec.embedding_model)
        except UnsafeModelFolder as error:
            raise UserError(
                error.code, error.message, param="index.embedding_model", **error.values
            ) from error
        except ArtifactDamaged as damage:
            message = (
                f"The index or its embedding model is damaged on the disk ({damage}). Build the index again."
            )
            raise EngineFault(
                "artifact_damaged", message, param="index", reason="index", file=damaged_file(damage)
            ) from damage
        if self._embedder.dimensions != self._index.dimensions:
            raise UserError(
                "embedding_model_mismatch",
                "The index was built with another embedding model. Build it again.",
                param="index.embedding_model",
            )

    def find(self, question: str) -> list[str]:
        """The texts of the best passages, best first."""
        hits = self._index.search(
            question,
            self._embedder,
            limit=self._spec.passages,
            groups=self._spec.groups,
            excluded_document_ids=self._spec.excluded_document_ids,
            personal_data=self._spec.personal_data,
            masked_document_ids=self._spec.masked_document_ids,
        )
        return [hit.text for hit in hits]


class LoadedCandidate:
    """A candidate with its weights, which it may share with others, its tokenizer and its index."""

    def __init__(
        self,
        spec: Candidate,
        weights: Any,
        tokenizer: PreTrainedTokenizerBase,
        search: CandidateSearch | None,
        *,
        has_adapters: bool,
    ) -> None:
        """`has_adapters`: adapters, of this candidate or of others, are on `weights`."""
        self.name = spec.name
        self.system_prompt = spec.system_prompt
        self.tokenizer = tokenizer
        self.weights = weights
        self._adapter = spec.name if spec.adapter is not None else None
        self._has_adapters = has_adapters
        self._search = search

    @property
    def context_length(self) -> int:
        return int(self.weights.config.get_text_config().max_position_embeddings)

    def find_passages(self, question: str) -> list[str] | None:
        """What the candidate's index finds for the question, best first; None without an index."""
        return None if self._search is None else self._search.find(question)

    @contextmanager
    def activate(self) -> Iterator[Any]:
        """The model of this candidate, in evaluation mode and without gradients."""
        if self._adapter is not None:
            self.weights.set_adapter(self._adapter)
        switched_off = self._has_adapters and self._adapter is None
        with torch.inference_mode(), self.weights.disable_adapter() if switched_off else nullcontext():
            yield self.weights


def load_candidates(specs: Sequence[Candidate], dtype: torch.dtype, device: str) -> list[LoadedCandidate]:
    """Candidates in the order of `specs`.

    Raises EngineFault `artifact_damaged`, UserError `base_model_…`, `adapter_unsafe`, `adapter_mismatch`,
    `embedding_model_mismatch`.
    """
    weights: dict[Path, Any] = {}
    tokenizers: dict[Path, PreTrainedTokenizerBase] = {}
    searches: dict[CandidateIndex | None, CandidateSearch | None] = {None: None}
    for spec in specs:
        if spec.model not in weights:
            weights[spec.model] = load_base_model(spec.model, dtype, device)
            tokenizers[spec.model] = load_tokenizer(spec.model)
        if spec.adapter is not None:
            verify_adapter(spec.adapter, spec.manifest_sha256)
            weights[spec.model] = load_adapter(weights[spec.model], spec.adapter, name=spec.name).eval()
        elif spec.manifest_sha256 is not None:
            require_intact(spec.model, spec.manifest_sha256, param="model", what="tuned model")
        if spec.index is not None and spec.index not in searches:
            searches[spec.index] = CandidateSearch(spec.index)
    adapted = {spec.model for spec in specs if spec.adapter is not None}
    return [
        LoadedCandidate(
            spec,
            weights[spec.model],
            tokenizers[spec.model],
            searches[spec.index],
            has_adapters=spec.model in adapted,
        )
        for spec in specs
    ]
