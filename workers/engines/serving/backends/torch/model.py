"""Weights held once with all their adapters: one forward pass serves rows of different adapters."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import DynamicCache

from workers.engines.serving.backends.adapters import PARAM, verify_adapter
from workers.engines.serving.backends.protocol import AdapterFolder
from workers.engines.serving.errors import ServeError
from workers.engines.serving.settings import ServingSettings
from workers.engines.shared.language_models import load_adapter, load_base_model
from workers.engines.shared.precision import Machine, choose_dtype
from workers.engines.shared.runtime import UserError

BASE = "__base__"
"""peft's name for a row without an adapter."""

log = logging.getLogger(__name__)


@dataclass
class _Attached:
    path: Path
    uses: int = 0


class TorchTextModel:
    """The weights of one base model and its adapters.

    `lock` must be held while the model runs; attaching an adapter takes it too, since it changes
    the model in place.
    """

    def __init__(self, path: Path, settings: ServingSettings) -> None:
        machine = Machine.here()
        dtype = choose_dtype("answers", machine, settings.dtype)
        self.model: Any = load_base_model(path, dtype, machine.device)
        self.bytes = sum(weight.nbytes for weight in self.model.parameters())
        positions = self.model.config.get_text_config().max_position_embeddings
        self.context_length = min(positions, settings.context_limit)
        self.lock = threading.Lock()
        self._capacity = settings.adapters_per_model
        # By row name, the one used longest ago first.
        self._adapters: OrderedDict[str, _Attached] = OrderedDict()
        # Apart from `lock`: an answer ends, and releases its adapter, while the model is running.
        self._uses_lock = threading.Lock()

    # -- adapters -------------------------------------------------------------------------
    def attach(self, adapter: AdapterFolder | None) -> str:
        """Load this adapter if it is not in memory and keep it until `detach`; returns its row name.

        Every file is verified each time the adapter is loaded, also after it was unloaded.

        Raises ServeError (`serve.system.artifact_damaged`, `adapter_mismatch`).
        """
        if adapter is None:
            return BASE
        # A module's name may not begin with a digit.
        name = f"a{adapter.digest[:24]}"
        with self.lock:
            if name not in self._adapters:
                self._load(adapter, name)
            with self._uses_lock:
                self._adapters[name].uses += 1
                self._adapters.move_to_end(name)
                self._unload_unused()
        return name

    def detach(self, name: str) -> None:
        if name != BASE:
            with self._uses_lock:
                self._adapters[name].uses -= 1

    def adapters(self) -> list[Path]:
        """Folders of the adapters in memory."""
        return [attached.path for attached in list(self._adapters.values())]

    def _load(self, adapter: AdapterFolder, name: str) -> None:
        verify_adapter(adapter)
        try:
            self.model = load_adapter(self.model, adapter.path, name=name, param=PARAM)
        except UserError as error:
            log.exception("adapter %s", adapter.path)
            message = "The adapter does not fit this base model."
            raise ServeError(400, "adapter_mismatch", message, param=PARAM) from error
        self.model.eval()
        self._adapters[name] = _Attached(adapter.path)

    def _unload_unused(self) -> None:
        for name, attached in list(self._adapters.items()):
            if len(self._adapters) <= self._capacity:
                return
            if not attached.uses:
                self.model.delete_adapter(name)
                del self._adapters[name]

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
