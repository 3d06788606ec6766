"""A base model held once with all its adapters: one forward pass serves rows of different adapters."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import DynamicCache

from workers.contract.artifacts import MANIFEST, ArtifactDamaged, verify_manifest, verify_model_folder
from workers.contract.specs.serving import ChatMessage
from workers.engines.serving.errors import ServeError, artifact_damaged
from workers.engines.serving.settings import ServingSettings
from workers.engines.shared.language_models import (
    LOADING,
    chat_prompt,
    encode,
    load_base_model,
    load_tokenizer,
    stop_token_ids,
)

BASE = "__base__"
"""peft's name for a row without an adapter."""
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}

log = logging.getLogger(__name__)


class TextModel:
    """Weights, tokenizer and adapters of one base model folder.

    `lock` must be held while the model runs; attaching an adapter takes it too, since it changes
    the model in place.
    """

    def __init__(self, folder: Path, settings: ServingSettings, digest: str | None = None) -> None:
        """Raises UnsafeModelFolder and ArtifactDamaged."""
        verify_model_folder(folder, digest)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = load_tokenizer(folder)
        self.model: Any = load_base_model(folder, _dtype(settings.dtype, device), device)
        self.bytes = sum(weight.nbytes for weight in self.model.parameters())
        self.stop_tokens = frozenset(stop_token_ids(self.tokenizer)) | _configured_stops(self.model)
        positions = self.model.config.get_text_config().max_position_embeddings
        self.context_length = min(positions, settings.context_limit)
        self.lock = threading.Lock()
        self._capacity = settings.adapters_per_model
        self._names: dict[Path, str] = {}
        self._uses: OrderedDict[Path, int] = OrderedDict()
        # Apart from `lock`: an answer ends, and lets go of its adapter, while the model is running.
        self._uses_lock = threading.Lock()

    def close(self) -> None:
        """Memory is freed with the last reference."""

    def prompt(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the conversation up to where the answer begins."""
        plain = [message.model_dump() for message in messages]
        return encode(self.tokenizer, chat_prompt(self.tokenizer, plain))

    def encode(self, text: str) -> list[int]:
        return encode(self.tokenizer, text)

    # -- adapters -------------------------------------------------------------------------
    def attach(self, folder: Path | None, sha256: str | None = None) -> None:
        """Load this adapter if it was not (None: nothing to do) and keep it until `detach`.

        Every file is verified each time it is loaded, after it had been let go as well.

        Raises ServeError (`serve.system.artifact_damaged`, `adapter_mismatch`).
        """
        if folder is None:
            return
        with self.lock:
            if folder not in self._names:
                self._load(folder, sha256)
            with self._uses_lock:
                self._uses[folder] = self._uses.get(folder, 0) + 1
                self._uses.move_to_end(folder)
                self._drop_unused()

    def detach(self, folder: Path | None) -> None:
        if folder is not None:
            with self._uses_lock:
                self._uses[folder] -= 1

    def row_name(self, folder: Path | None) -> str:
        """What `forward` calls the attached adapter."""
        return BASE if folder is None else self._names[folder]

    def adapters(self) -> list[str]:
        return [str(folder) for folder in list(self._names)]

    def _load(self, folder: Path, sha256: str | None) -> None:
        name = _verified_adapter(folder, sha256)
        try:
            with LOADING:
                if isinstance(self.model, PeftModel):
                    self.model.load_adapter(folder, adapter_name=name, local_files_only=True)
                else:
                    self.model = PeftModel.from_pretrained(
                        self.model, folder, adapter_name=name, local_files_only=True
                    )
        except (RuntimeError, ValueError, KeyError) as error:
            log.exception("adapter %s", folder)
            raise ServeError(
                400, "adapter_mismatch", "The adapter does not fit this base model.", param="kosha.adapter"
            ) from error
        self.model.eval()
        self._names[folder] = name

    def _drop_unused(self) -> None:
        for folder, uses in list(self._uses.items()):
            if len(self._names) <= self._capacity:
                return
            if not uses:
                self.model.delete_adapter(self._names.pop(folder))
                del self._uses[folder]

    # -- running --------------------------------------------------------------------------
    @torch.inference_mode()
    def forward(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: DynamicCache,
        adapters: list[str],
    ) -> torch.Tensor:
        """(rows, vocabulary): logits after the last token of each row; `cache` grows in place.

        `tokens` and `positions`: (rows, new); `mask`: (rows, cached + new), 1 for what may be seen.
        """
        # A model that never had an adapter is not wrapped by peft and does not know the argument.
        mixed = {"adapter_names": adapters} if isinstance(self.model, PeftModel) else {}
        output = self.model(
            input_ids=tokens.to(self.model.device),
            attention_mask=mask.to(self.model.device),
            position_ids=positions.to(self.model.device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **mixed,
        )
        return output.logits[:, -1]


def _verified_adapter(folder: Path, sha256: str | None) -> str:
    """The adapter's row name (from its manifest's digest) after every file was checked."""
    try:
        verify_manifest(folder, sha256)
    except ArtifactDamaged as damage:
        raise artifact_damaged(str(damage), "kosha.adapter") from damage
    for name in ADAPTER_FILES:
        if not (folder / name).is_file():
            raise artifact_damaged(f"{name} is missing", "kosha.adapter")
    if any(path.suffix.lower() in PICKLES for path in folder.rglob("*")):
        raise artifact_damaged("the adapter holds a pickle, which is never loaded", "kosha.adapter")
    # A module's name may not hold a dot, and two folders may hold the same adapter.
    return "a" + hashlib.sha256(f"{folder}\n".encode() + (folder / MANIFEST).read_bytes()).hexdigest()[:24]


def _dtype(name: str, device: str) -> torch.dtype:
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
    # Without instructions for it a CPU emulates bfloat16, many times slower than float32.
    fast = device == "cuda" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if fast else torch.float32


def _configured_stops(model: Any) -> frozenset[int]:
    """The ends of an answer that the folder's generation_config.json names."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    if configured is None:
        return frozenset()
    return frozenset([configured] if isinstance(configured, int) else configured)
