"""A tiny random embedding model (its vectors mean nothing, but equal texts have equal ones) and a run."""

from __future__ import annotations

import json
from pathlib import Path

from workers.contract.specs.run import RunConfig
from workers.engines.shared.runtime import Run


def make_embedding_model(folder: Path, seed: int = 0) -> Path:
    """A two-layer BERT over single characters, saved as a real model folder is."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    letters = [chr(code) for code in (*range(0x20, 0x7F), *range(0x3041, 0x30FF), *range(0x4E00, 0x9FA0, 7))]
    vocabulary = {token: number for number, token in enumerate(["[PAD]", "[UNK]", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(
        folder
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def make_run(folder: Path) -> Run:
    config = RunConfig(job_id="1", kind="retrieval", fence=1, attempt=1, run_dir=folder, spec={})
    return Run(config)


def events(run: Run) -> list[dict]:
    return [json.loads(line) for line in (run.directory / "events.jsonl").read_text().splitlines()]
