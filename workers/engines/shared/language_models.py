"""Loading base models, adapters, tokenizers and chat templates, the same way in every engine.

Weights come from safetensors in a local folder, never from a hub, and never with remote code.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.contract.model_folder import UnsafeModelFolder, check_model_folder
from workers.contract.prompts import PromptMessage
from workers.engines.shared.integrity import require_intact
from workers.engines.shared.runtime import UserError

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LOADING = threading.Lock()
"""Held while transformers or peft makes a model. Both change settings of the whole process for that time,
torch's default dtype among them. Of two models made at once, each would restore what the other had set."""

# For tokenizers without a chat template: roles as plain text, each answer ended by eos. A base model may
# have a turn token in its vocabulary without ever having seen it in training, and a LoRA adapter cannot
# teach its embedding. Plain text and the end of a document are known to every base model.
FALLBACK_CHAT_TEMPLATE = (
    "{{ bos_token or '' }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}回答:{{ message['content'] }}{{ eos_token }}\n"
    "{% elif message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% else %}{{ message['content'] }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}回答:{% endif %}"
)
_END_OF_TURN_TOKENS = ("<end_of_turn>", "<|im_end|>", "<|eot_id|>")


def require_model_folder(path: Path) -> None:
    """Raise UserError `base_model_missing`, `base_model_unsafe`, … for a folder that is not loaded."""
    try:
        check_model_folder(path)
    except UnsafeModelFolder as error:
        raise UserError(error.code, error.message, param="base_model", **error.values) from error


def load_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """The folder's tokenizer, always with a chat template (the folder's own, else the one for base models)."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        tokenizer.chat_template = FALLBACK_CHAT_TEMPLATE
    return tokenizer


def load_base_model(path: Path, dtype: torch.dtype, device: str | torch.device = "cpu") -> PreTrainedModel:
    """The causal language model in `dtype` on `device`, in evaluation mode, with sdpa attention."""
    from transformers import AutoModelForCausalLM

    require_model_folder(path)
    with LOADING:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="sdpa",
        )
    # Of a batch only the last positions reach the output layer, as a slice with gaps. For such a slice
    # and frozen weights torch copies the whole matrix for each row: 13.8 s of CPU instead of 1 s (Gemma 270M, 4 × 128).
    model.get_output_embeddings().register_forward_pre_hook(
        lambda _head, arguments: (arguments[0].contiguous(), *arguments[1:])
    )
    return model.to(device).eval()


def verify_adapter(
    folder: Path, manifest_sha256: str | None, *, param: str = "adapter", what: str = "adapter"
) -> dict[str, Any]:
    """The manifest of an adapter that is whole, the expected one if one is expected.

    Raises EngineFault `artifact_damaged`, UserError `adapter_unsafe`.
    """
    manifest = require_intact(folder, manifest_sha256, param=param, what=what)
    # peft falls back to a pickle where there is no safetensors file.
    if not (folder / "adapter_model.safetensors").is_file():
        raise UserError("adapter_unsafe", f"The {what} has no safetensors weights.", param=param)
    return manifest


def load_adapter(
    model: PreTrainedModel | PeftModel,
    folder: Path,
    *,
    name: str = "default",
    trainable: bool = False,
    param: str = "adapter",
    what: str = "adapter",
) -> PeftModel:
    """Put a verified adapter on `model`, whose layers are replaced in place.

    A PeftModel gets one more adapter, called `name`, which is not active yet. Raises UserError
    `adapter_mismatch`.
    """
    from peft import PeftModel

    try:
        with LOADING:
            if not isinstance(model, PeftModel):
                return PeftModel.from_pretrained(
                    model, folder, adapter_name=name, is_trainable=trainable, local_files_only=True
                )
            model.load_adapter(folder, adapter_name=name, is_trainable=trainable, local_files_only=True)
            return model
    except (RuntimeError, ValueError, KeyError) as error:
        raise UserError(
            "adapter_mismatch", f"The {what} does not fit the base model.", param=param
        ) from error


def convert_weights(model: PreTrainedModel | PeftModel, dtype: torch.dtype) -> None:
    """Convert the base model's parameters in place, as if it had been loaded in `dtype`.

    Nothing else is converted: rounding the positions' frequencies would degrade the model, and peft keeps an
    adapter in float32 whatever it is put on.
    """
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and ".lora_" not in name:
            parameter.data = parameter.data.to(dtype)


def chat_prompt(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[PromptMessage], generate: bool = True
) -> str:
    """The conversation as text; encode it with `add_special_tokens=False`.

    Special tokens written out inside a message are broken up first: text from documents and from
    people must not be able to end a turn or begin another. With `generate` the text ends where the
    assistant's answer begins.
    """
    safe = [{**message, "content": neutralise(tokenizer, message["content"])} for message in messages]
    return str(tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=generate))


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of exactly this text, without bos or eos added."""
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def encode_document(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of running text as the model saw it in pre-training: bos first where it has one, no eos."""
    added = list(tokenizer("")["input_ids"])
    prefix = added[:1] if added[:1] == [tokenizer.bos_token_id] else []
    return [*prefix, *encode(tokenizer, neutralise(tokenizer, text))]


def neutralise(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """`text` in which a literal special token such as `<bos>` is plain text (`< bos>`)."""
    return _special_tokens(tokenizer).sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)


def stop_token_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens at which an answer ends: eos and the end of a turn, where the vocabulary has one."""
    vocabulary = tokenizer.get_vocab()
    ids = {vocabulary[token] for token in _END_OF_TURN_TOKENS if token in vocabulary}
    if tokenizer.eos_token_id is not None:
        ids.add(tokenizer.eos_token_id)
    return sorted(ids)


@functools.lru_cache(maxsize=8)
def _special_tokens(tokenizer: Any) -> re.Pattern[str]:
    tokens = set(tokenizer.all_special_tokens)
    tokens |= {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    # One character cannot be broken up; longer tokens first, so that the longest one matches.
    texts = sorted((token for token in tokens if len(token) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, texts)) or r"(?!)")
