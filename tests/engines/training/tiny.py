"""Tiny random causal models saved as real model folders, records, and runs of the training engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers.contract.artifacts import write_manifest
from workers.contract.records import DocumentOrigin, MessagesRecord, PairRecord, Source, TextRecord
from workers.contract.specs.run import RunConfig, RunResult, RunStatus
from workers.contract.specs.training import Hyperparameters, TrainingResult, TrainingSpec
from workers.engines.shared.runtime import Run

if TYPE_CHECKING:
    from workers.engines.training.samples import PackedBatch, Sample

ORIGIN = DocumentOrigin(
    source=Source(document_id="d", revision_id="r", document_name="規程.pdf", kind="page", number=1)
)
WORDS = ["休暇", "申請", "出張", "旅費", "上長", "承認", "期限", "部門", "規程", "は", "を", "する", "。"]


def make_model(folder: Path, architecture: str = "llama") -> Path:
    """Two layers of width 32 over bytes; gemma3 has one sliding-window layer (window 16) and one full."""
    import torch
    import transformers

    common: dict[str, Any] = {
        "vocab_size": 264,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 256,
        "eos_token_id": 257,
        "pad_token_id": 258,
    }
    torch.manual_seed(0)
    if architecture == "llama":
        config = transformers.LlamaConfig(**common, tie_word_embeddings=True)
        model = transformers.LlamaForCausalLM(config)
    else:
        layers = ["sliding_attention", "full_attention"]
        config = transformers.Gemma3TextConfig(**common, head_dim=8, sliding_window=16, layer_types=layers)
        model = transformers.Gemma3ForCausalLM(config)
    # At the library's initial scale a tiny model's logits are all but equal; larger weights make
    # an error in attention or positions visible.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def make_tokenizer() -> Any:
    """One token for each byte, and bos, eos and padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )
    fast.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", fast.bos_token_id)]
    )
    return fast


def text_record(number: int, *, words: int = 12, split: str = "train") -> TextRecord:
    text = "".join(WORDS[(number * 7 + i * (number % 5 + 1)) % len(WORDS)] for i in range(words))
    return TextRecord(id=f"t{number}", text=text, origin=ORIGIN, split=split)


def pair_record(number: int, *, context: str = "", split: str = "train") -> PairRecord:
    return PairRecord(
        id=f"p{number}",
        question=f"期限{number}は?",
        answer=f"{number}日です。",
        context=context,
        origin=ORIGIN,
        split=split,
    )


def write_records(path: Path, records: list[TextRecord | PairRecord | MessagesRecord]) -> Path:
    path.write_text("".join(record.model_dump_json() + "\n" for record in records), encoding="utf-8")
    return path


def write_dataset(folder: Path, records: list[TextRecord | PairRecord | MessagesRecord]) -> Path:
    """The records file of a sealed dataset version in `folder`; whatever was there before is replaced."""
    folder.mkdir(exist_ok=True)
    path = write_records(folder / "records.jsonl", records)
    write_manifest(folder, "dataset")
    return path


def mixed_records(texts: int = 12, pairs: int = 4) -> list[Any]:
    records: list[Any] = [text_record(n, words=3 + n % 9) for n in range(texts)]
    records += [pair_record(n, context=f"期限は{n}日とする。") for n in range(pairs)]
    return [*records, text_record(99, split="heldout")]


def collate_text(samples: Sequence[Sample]) -> PackedBatch:
    """A pack of next-token samples; only making samples needs a tokenizer."""
    from workers.engines.training.objectives.continued_pretraining import ContinuedPretraining
    from workers.engines.training.samples import collate

    no_tokenizer: Any = None
    return collate(samples, [ContinuedPretraining(no_tokenizer, Hyperparameters())])


def make_run(folder: Path, *, previous: tuple[Path, ...] = ()) -> Run:
    return Run(run_config(folder, previous=previous))


def run_config(
    folder: Path, *, previous: tuple[Path, ...] = (), spec: TrainingSpec | None = None
) -> RunConfig:
    return RunConfig(
        job_id="1",
        kind="training",
        fence=1,
        attempt=1,
        run_dir=folder,
        previous_run_dirs=previous,
        spec=spec.model_dump(mode="json") if spec else {},
    )


def events(folder: Path, type_: str) -> list[dict[str, Any]]:
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == type_]


def losses(folder: Path) -> dict[int, float]:
    return {event["step"]: event["values"]["loss"] for event in events(folder, "metrics")}


def go(run: Run, spec: TrainingSpec) -> TrainingResult:
    """Train in this process; the run is finished however it ends, as `run_engine` does."""
    from workers.engines.training.engine import train

    try:
        return train(run, spec, metrics_seconds=0)
    finally:
        run.finish(RunResult(status=RunStatus.STOPPED))
