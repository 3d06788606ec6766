"""One training run from spec to sealed artifact."""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workers.contract.model_folder import model_folder_digest
from workers.contract.specs.training import TrainingResult, TrainingSpec
from workers.engines.shared.integrity import require_intact_records
from workers.engines.shared.language_models import load_base_model, load_tokenizer, require_model_folder
from workers.engines.shared.records import read_records
from workers.engines.shared.runtime import EngineFault, Run, UserError
from workers.engines.shared.threads import GrantedThreads
from workers.engines.training.adapters import attach_trainable, save_trained
from workers.engines.training.backend import SingleProcess, TrainingBackend
from workers.engines.training.checkpoints import CheckpointStore, RunIdentity
from workers.engines.training.loop import LOSS_WINDOW, METRICS_SECONDS, Loop, RunTotals
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.objectives import TrainingObjective, make_objectives
from workers.engines.training.plan import PlanSettings, Step, plan_steps
from workers.engines.training.processes import Processes, join_processes
from workers.engines.training.samples import SampleSet, build_samples, collate, replay_known

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HELDOUT_TOKENS = 4096
"""How much of the held-out split the final loss is measured on; the evaluation measures all of it."""
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


@dataclass(frozen=True)
class Prepared:
    """Everything that is ready before the first weight is loaded."""

    tokenizer: PreTrainedTokenizerBase
    base_digest: str
    objectives: list[TrainingObjective]
    training: SampleSet
    heldout: SampleSet
    plan_settings: PlanSettings
    plan: list[Step]


def train(run: Run, spec: TrainingSpec, *, metrics_seconds: float = METRICS_SECONDS) -> TrainingResult:
    """Train and save. Raises UserError, EngineFault or RunStopped."""
    try:
        return _train(run, spec, metrics_seconds)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise EngineFault(
            "out_of_memory",
            "The node ran out of memory. Ask for a shorter sequence_length, more processes with a "
            "higher zero_stage, or a larger node.",
            param="hyperparameters.sequence_length",
        ) from error


def _train(run: Run, spec: TrainingSpec, metrics_seconds: float) -> TrainingResult:
    threads = GrantedThreads(run)
    keep_freed_memory()
    prepared = _prepare(run, spec)
    run.raise_if_stopped()
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    trained, model = _load_model(spec, prepared.base_digest, device)
    processes = join_processes(spec.processes, device)
    backend = _make_backend(threads, spec, prepared, model, processes, device)
    identity = RunIdentity(
        spec.learning_digest(prepared.base_digest), prepared.training.digest(), spec.processes
    )
    checkpoints = CheckpointStore(run, identity, spec.checkpoint.keep)
    objectives, samples, plan = prepared.objectives, prepared.training.samples, prepared.plan
    loop = Loop(run, spec, backend, processes, checkpoints, objectives, samples, plan, metrics_seconds)
    # Dropout must differ between processes; the weights were drawn before, alike in all of them.
    torch.manual_seed(spec.hyperparameters.seed + processes.rank)
    resumed_from = loop.resume()
    run.started(resumed_from_step=resumed_from)
    totals = loop.train()

    heldout_loss = _heldout_loss(backend, prepared)
    state = backend.full_state()
    manifest = ""
    if processes.rank == 0:
        manifest = save_trained(
            trained, prepared.tokenizer, spec, run.output_dir, prepared.base_digest, state
        )
    processes.barrier()
    processes.leave()
    return TrainingResult(
        **_figures(totals, model),
        heldout_loss=heldout_loss,
        records={**prepared.training.records, "too_long": prepared.training.too_long},
        resumed_from_step=resumed_from,
        adapter_dir="adapter" if spec.method == "lora" else None,
        model_dir="model" if spec.method == "full" else None,
        manifest_sha256=manifest,
        base_model_digest=prepared.base_digest,
    )


def _prepare(run: Run, spec: TrainingSpec) -> Prepared:
    """Check everything that can be checked before the weights are loaded, and plan the steps."""
    settings = spec.hyperparameters
    require_model_folder(spec.base_model)
    base_digest = model_folder_digest(spec.base_model)
    if spec.base_model_digest not in (None, base_digest):
        raise UserError(
            "base_model_changed",
            "The base model's files are not those that were registered.",
            param="base_model_digest",
        )
    _require_context_length(spec)
    tokenizer = load_tokenizer(spec.base_model)
    objectives = make_objectives(spec.objectives, tokenizer, settings)
    require_intact_records(spec.record_files, param="record_files")
    require_intact_records(spec.known_record_files, param="known_record_files")
    known = {record.id for record in read_records(spec.known_record_files, "train")}
    records = replay_known(read_records(spec.record_files, "train"), known, spec.replay_share, settings.seed)
    training = build_samples(records, objectives, settings.sequence_length)
    if not training.samples:
        raise UserError(
            "empty_dataset",
            "There is no record to train on. Check that the dataset version kept records and that the "
            "objectives match them.",
            param="record_files",
        )
    if training.too_long:
        run.log(
            f"{training.too_long} conversations are longer than the sequence length and are left out.",
            level="warning",
            code="too_long",
            too_long=training.too_long,
        )
    heldout = build_samples(read_records(spec.record_files, "heldout"), objectives, settings.sequence_length)
    plan_settings = PlanSettings(
        epochs=settings.epochs,
        tokens_per_step=settings.tokens_per_step,
        sequence_length=settings.sequence_length,
        seed=settings.seed,
        processes=spec.processes,
        max_steps=settings.max_steps,
    )
    lengths = [len(sample) for sample in training.samples]
    plan = plan_steps(lengths, [sample.repeats for sample in training.samples], plan_settings)
    return Prepared(tokenizer, base_digest, objectives, training, heldout, plan_settings, plan)


def _require_context_length(spec: TrainingSpec) -> None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(spec.base_model, local_files_only=True, trust_remote_code=False)
    most = getattr(config.get_text_config(), "max_position_embeddings", None)
    if most is not None and spec.hyperparameters.sequence_length > most:
        raise UserError(
            "context_too_long",
            f"The base model sees at most {most} tokens; sequence_length asks for "
            f"{spec.hyperparameters.sequence_length}.",
            param="hyperparameters.sequence_length",
            reason="model",
            limit=most,
            asked=spec.hyperparameters.sequence_length,
        )


def _load_model(
    spec: TrainingSpec, base_digest: str, device: torch.device
) -> tuple[torch.nn.Module, PackedLanguageModel]:
    """What `save_trained` takes, and the model around the same weights that the steps run."""
    dtype: str = spec.dtype
    if dtype == "auto":
        dtype = "float32" if device.type == "cpu" else "bfloat16"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    base = load_base_model(spec.base_model, getattr(torch, dtype), device)
    base.requires_grad_(False)
    trained = attach_trainable(base, spec, base_digest)
    if spec.recompute_activations:
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return trained, PackedLanguageModel(base).train()


def _make_backend(
    threads: GrantedThreads,
    spec: TrainingSpec,
    prepared: Prepared,
    model: PackedLanguageModel,
    processes: Processes,
    device: torch.device,
) -> TrainingBackend:
    if processes.count == 1:
        return SingleProcess(model, spec.hyperparameters, device, threads.stop_requested)
    from workers.engines.training.deepspeed_backend import DeepSpeedBackend

    packs = prepared.plan_settings.packs_per_process
    return DeepSpeedBackend(model, spec, packs, processes, device, threads.stop_requested)


@torch.no_grad()
def _heldout_loss(backend: TrainingBackend, prepared: Prepared) -> float | None:
    """Mean loss per labelled token (weighted) over the first held-out samples; None without any."""
    chosen, tokens = [], 0
    for sample in prepared.heldout.samples:
        if tokens + len(sample) > HELDOUT_TOKENS:
            break
        chosen.append(sample)
        tokens += len(sample)
    if not chosen:
        return None
    backend.model.eval()
    settings = PlanSettings(1, HELDOUT_TOKENS, prepared.plan_settings.sequence_length, seed=0)
    (step,) = plan_steps([len(sample) for sample in chosen], [1] * len(chosen), settings)
    packs = [[chosen[index] for index in pack] for pack in step]
    loss = sum(float(backend.model(collate(pack, prepared.objectives, backend.device))) for pack in packs)
    return loss / sum(sample.total_weight for sample in chosen)


def _figures(totals: RunTotals, model: torch.nn.Module) -> dict[str, Any]:
    """The fields of TrainingResult that were counted."""
    window = max(1, min(LOSS_WINDOW, totals.step // 10))
    # Under ZeRO 3 a parameter's own tensor is empty and its size is kept beside it.
    sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    return {
        "steps": totals.step,
        "tokens": totals.tokens,
        "labelled_tokens": totals.labelled_tokens,
        "loss_first": statistics.fmean(totals.first_losses[:window]),
        "loss_last": statistics.fmean(totals.last_losses[-window:]),
        "seconds": totals.seconds,
        "tokens_per_second": totals.attempt_tokens / totals.seconds if totals.seconds else 0.0,
        "parameters_trained": sum(size for size, is_trained in sizes if is_trained),
        "parameters_total": sum(size for size, _is_trained in sizes),
    }


def keep_freed_memory() -> bool:
    """Make glibc keep large freed blocks instead of returning them to the kernel.

    A step on a CPU frees and takes the same gigabytes again and again, and the kernel hands them back
    zeroed page by page: about a tenth of a step. Without effect where another allocator (tcmalloc) is
    preloaded. Returns whether the C library accepted it.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    return all(
        library.mallopt(option, value)
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_ARENA_MAX, 1))
    )
