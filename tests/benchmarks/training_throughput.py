"""Real training tokens per second, compared with transformers.Trainer + peft with padding.

    python -m tests.benchmarks.training_throughput [--model FOLDER] [--records FILE] [--samples 96]

Both train the same LoRA adapter on the same samples of mixed length, in float32 on the CPU. Each runs in a process
of its own, whose peak memory is read at its end. Padding does not count as tokens. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[2]
BATCH = 8
"""The default of `per_device_train_batch_size`."""
LONGEST = 512
"""With 1,024 the Trainer needs more than 24 GB and is killed."""


def company_lengths(count: int) -> list[int]:
    """Lengths as a company's records have them: of 20, 17 are answers and short clauses (30 to 160
    tokens), three are pages of a regulation or a manual (200 to the longest)."""
    import numpy as np

    draw = np.random.default_rng(0)
    short, long = draw.integers(30, 160, count), draw.integers(200, LONGEST, count)
    return np.where(draw.random(count) < 0.15, long, short).tolist()


def make_samples(model: Path, records: Path | None, count: int) -> list[Any]:
    """Samples of the engine's own kind: from a records file, else random tokens of company lengths."""
    import numpy as np

    from workers.engines.training.samples import Sample, build_samples

    if records is not None:
        from workers.engines.shared.records import read_records

        samples = build_samples(read_records([records], "train"), objectives_of(model), LONGEST).samples
        order = np.random.default_rng(0).permutation(len(samples))[:count]
        return [samples[index] for index in order]
    draw = np.random.default_rng(1)
    vocabulary = json.loads((model / "config.json").read_text())["vocab_size"]
    samples = []
    for length in company_lengths(count):
        weights = np.ones(length, dtype=np.float32)
        weights[0] = 0
        samples.append(Sample(draw.integers(10, vocabulary // 2, length), weights))
    return samples


def objectives_of(model: Path) -> list[Any]:
    from workers.engines.shared.language_models import load_tokenizer
    from workers.engines.training.objectives import make_objectives

    spec = spec_for(model)
    return make_objectives(spec.objectives, load_tokenizer(model), spec.hyperparameters)


def spec_for(model: Path) -> Any:
    from workers.contract.specs.training import Hyperparameters, TrainingSpec

    settings = Hyperparameters(epochs=1, sequence_length=LONGEST, tokens_per_step=2048)
    return TrainingSpec(base_model=model, record_files=("unused",), hyperparameters=settings)


def kosha(model_folder: Path, samples: list[Any]) -> float:
    """Seconds for one epoch through the engine's own parts."""
    import torch

    from workers.engines.shared.language_models import load_base_model
    from workers.engines.training.adapters import attach_trainable
    from workers.engines.training.backend import SingleProcess
    from workers.engines.training.engine import keep_freed_memory
    from workers.engines.training.model import PackedLanguageModel
    from workers.engines.training.plan import PlanSettings, plan_steps
    from workers.engines.training.samples import collate

    keep_freed_memory()
    spec = spec_for(model_folder)
    model = load_base_model(model_folder, torch.float32)
    model.requires_grad_(False)
    attach_trainable(model, spec, None)
    backend = SingleProcess(PackedLanguageModel(model).train(), spec.hyperparameters, torch.device("cpu"))
    lengths = [len(sample) for sample in samples]
    plan = plan_steps(lengths, [1] * len(samples), PlanSettings(1, 2048, LONGEST, seed=0))
    objectives = objectives_of(model_folder)
    started = time.perf_counter()
    for step in plan:
        weight = sum(samples[index].total_weight for pack in step for index in pack)
        packs = [[samples[index] for index in pack] for pack in step]
        backend.forward_backward([collate(pack, objectives) for pack in packs], weight)
        backend.update(2e-4)
    return time.perf_counter() - started


def trainer(model_folder: Path, samples: list[Any]) -> float:
    """Seconds for one epoch through transformers.Trainer, padding each batch to its longest sample."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Trainer,
        TrainingArguments,
    )

    settings = spec_for(model_folder).hyperparameters
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    lora = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    rows = [
        {
            "input_ids": sample.ids.tolist(),
            "attention_mask": [1] * len(sample),
            "labels": [int(i) if w else -100 for i, w in zip(sample.ids, sample.weights, strict=True)],
        }
        for sample in samples
    ]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            learning_rate=2e-4,
            report_to=[],
            save_strategy="no",
            logging_steps=1000,
            use_cpu=True,
            disable_tqdm=True,
            seed=0,
        )
        run = Trainer(
            model=get_peft_model(model, lora),
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
        )
        started = time.perf_counter()
        run.train()
        return time.perf_counter() - started


LIBRARIES: dict[str, Callable[[Path, list[Any]], float]] = {"kosha": kosha, "trainer": trainer}


def measure(name: str, options: argparse.Namespace) -> dict[str, float]:
    """In a child process, so that peak memory is that of one library."""
    command = [sys.executable, "-m", "tests.benchmarks.training_throughput", "--implementation", name]
    command += ["--model", str(options.model), "--samples", str(options.samples)]
    command += ["--threads", str(options.threads)]
    command += ["--records", str(options.records)] if options.records else []
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def measure_here(options: argparse.Namespace) -> dict[str, float]:
    import torch

    torch.set_num_threads(options.threads)
    samples = make_samples(options.model, options.records, options.samples)
    tokens = sum(len(sample) for sample in samples)
    seconds = LIBRARIES[options.implementation](options.model, samples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds, "peak_gib": peak}


def table(options: argparse.Namespace) -> str:
    ours, theirs = measure("kosha", options), measure("trainer", options)
    speed = ours["tokens_per_second"] / theirs["tokens_per_second"]
    memory = ours["peak_gib"] / theirs["peak_gib"]
    lines = [
        f"Model {options.model.name}, LoRA rank 16 on all linear layers, float32; {options.samples} samples, "
        f"{ours['tokens']:.0f} real tokens, one epoch; {machine()}, {options.threads} threads.",
        "",
        "| | real tokens/s | seconds | peak memory |",
        "|---|---:|---:|---:|",
    ]
    for name, row in (
        ("Kosha (packed)", ours),
        (f"transformers.Trainer + peft (batch {BATCH}, padded)", theirs),
    ):
        lines.append(
            f"| {name} | {row['tokens_per_second']:.0f} | {row['seconds']:.0f} | {row['peak_gib']:.1f} GiB |"
        )
    lines.append(f"| **ratio** | **{speed:.2f}×** | | {memory:.2f}× |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=ROOT / "var" / "models" / "smollm2-135m")
    parser.add_argument(
        "--records", type=Path, help="a dataset version's records.jsonl instead of random tokens"
    )
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--implementation", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.model.is_dir():
        sys.exit(f"{options.model} is missing: `make demo` converts the demo models.")
    print(json.dumps(measure_here(options)) if options.implementation else table(options))


if __name__ == "__main__":
    main()
