"""GGUF (llama.cpp's format, quantised) to safetensors, for causal language models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.engines.shared.language_models import FALLBACK_CHAT_TEMPLATE, stop_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


JOINED = "weights.gguf"


def write_causal_lm(sources: Sequence[Path], target: Path) -> None:
    """Write weights (bfloat16), configuration, tokenizer and a chat template to `target`.

    `sources` are the GGUF file or its parts in order. bfloat16 halves the disk; rounding weights
    that were 4 bits wide to it moved bits per character on Japanese text from 3.483 to 3.481.
    """
    if len(sources) == 1:
        _write(sources[0], target)
        return
    joined = target / JOINED
    try:
        with open(joined, "wb") as whole:
            for part in sources:
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)
        _write(joined, target)
    finally:
        joined.unlink(missing_ok=True)


def _write(gguf_file: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    folder, name = gguf_file.parent, gguf_file.name
    with _read_once():
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            gguf_file=name,
            # Without it the weights stay in GGUF blocks and save_pretrained fails.
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            local_files_only=True,
        )
    if not tokenizer.chat_template:
        tokenizer.chat_template = FALLBACK_CHAT_TEMPLATE
    tokenizer.model_max_length = model.config.max_position_embeddings
    _prepare_for_saving(model, tokenizer)
    model.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)


@contextmanager
def _read_once() -> Iterator[None]:
    """Make transformers read the file's vocabulary once and quickly.

    transformers opens the file three times: for the configuration, the tokenizer and the weights. Each time
    the reader takes several slices of a memory map for every word; slices of a plain array take a tenth of
    the time. The map of tensor names is computed again for each of the model's modules unless it is cached.
    """
    import gguf
    import numpy as np

    class FastReader(gguf.GGUFReader):
        def _get(self, *arguments: Any, **options: Any) -> Any:
            self.data = np.asarray(self.data)
            return super()._get(*arguments, **options)

    kept = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = cache(FastReader), cache(gguf.get_tensor_name_map)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = kept


def _prepare_for_saving(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Remove the source's path from the configuration, and let generation stop at the end of a turn."""
    model.config.name_or_path = ""
    generation = model.generation_config
    generation.bos_token_id = tokenizer.bos_token_id
    generation.pad_token_id = tokenizer.pad_token_id
    generation.eos_token_id = stop_token_ids(tokenizer)
    generation.do_sample = False
