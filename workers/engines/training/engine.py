"""One training run from spec to sealed artefact."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from workers.contract.model_folder import model_folder_digest
from workers.contract.records import AnyRecord
from workers.contract.specs.training import TrainingResult, TrainingSpec
from workers.engines.shared.integrity import require_sound_records
from workers.engines.shared.language_models import load_base_model, load_tokenizer, require_model_folder
from workers.engines.shared.runtime import EngineFault, Run, UserError
from workers.engines.training.adapters import attach_trainable, save_trained
from workers.engines.training.checkpoints import CheckpointStore, Identity
from workers.engines.training.data import Sample, SampleBuilder, SampleSet, collate, read_records, with_replay
from workers.engines.training.loop import LOSS_WINDOW, METRICS_SECONDS, Account, Backend, Loop
from workers.engines.training.memory import keep_freed_memory
from workers.engines.training.model import PackedLanguageModel
from workers.engines.training.packing import PlanSettings, Step, plan_steps

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HELDOUT_TOKENS = 4096
"""How much of the held-out split the closing loss is measured on; the evaluation does it fully."""


@dataclass(frozen=True)
class Prepared:
    """Everything that is ready before the first weight is loaded."""

    tokenizer: PreTrainedTokenizerBase
    base_digest: str
    training: SampleSet
    heldout: SampleSet
    plan: list[Step]


def train(run: Run, spec: TrainingSpec, *, metrics_seconds: float = METRICS_SECONDS) -> TrainingResult:
    """Train, save, and say what came out. Raises UserError, EngineFault or StopRequested."""
    try:
        return _train(run, spec, metrics_seconds)
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise EngineFault(
            "out_of_memory",
            "The node ran out of memory. Ask for a shorter sequence_length, more processes with a "
            "higher zero_stage, or a larger node.",
            param="hyperparameters.sequence_length",
        ) from error


def _train(run: Run, spec: TrainingSpec, metrics_seconds: float) -> TrainingResult:
    torch.set_num_threads(run.config.threads)
    keep_freed_memory()
    prepared = _prepare(run, spec)
    run.raise_if_stopped()
    device = _device()
    model = load_base_model(spec.base_model, _dtype(spec, device), device)
    model.requires_grad_(False)
    trained = attach_trainable(model, spec, prepared.base_digest)
    if spec.recompute_activations:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    packed = PackedLanguageModel(model).train()
    backend = _backend(run, spec, packed, device)
    store = CheckpointStore(run, _identity(spec, prepared), spec.checkpoint.keep)
    loop = Loop(run, spec, backend, prepared.training.samples, prepared.plan, store, metrics_seconds)
    # Dropout must differ between processes; the weights were drawn before, alike in all of them.
    torch.manual_seed(spec.hyperparameters.seed + backend.rank)
    resumed = loop.resume()
    run.started(resumed_from_step=resumed)
    account = loop.train()
    return _finish(run, spec, prepared, trained, packed, backend, account, resumed)


def _prepare(run: Run, spec: TrainingSpec) -> Prepared:
    require_model_folder(spec.base_model)
    base_digest = model_folder_digest(spec.base_model)
    if spec.base_model_digest not in (None, base_digest):
        raise UserError(
            "base_model_changed",
            "The base model's files are not those that were registered.",
            param="base_model_digest",
        )
    _check_context(spec)
    tokenizer = load_tokenizer(spec.base_model)
    builder = SampleBuilder(tokenizer, spec.hyperparameters, spec.objectives)
    require_sound_records(spec.record_files, param="record_files")
    require_sound_records(spec.known_record_files, param="known_record_files")
    training = builder.build(_training_records(spec))
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
            too_long=training.too_long,
        )
    heldout = builder.build(read_records(spec.record_files, "heldout"))
    return Prepared(tokenizer, base_digest, training, heldout, _plan(spec, training.samples))


def _training_records(spec: TrainingSpec) -> Iterator[AnyRecord]:
    known = {record.id for record in read_records(spec.known_record_files, "train")}
    records = read_records(spec.record_files, "train")
    return with_replay(records, known, spec.replay_share, spec.hyperparameters.seed)


def _check_context(spec: TrainingSpec) -> None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(spec.base_model, local_files_only=True, trust_remote_code=False)
    most = getattr(config.get_text_config(), "max_position_embeddings", None)
    if most is not None and spec.hyperparameters.sequence_length > most:
        raise UserError(
            "context_too_long",
            f"The base model sees at most {most} tokens; sequence_length asks for "
            f"{spec.hyperparameters.sequence_length}.",
            param="hyperparameters.sequence_length",
        )


def _plan_settings(spec: TrainingSpec) -> PlanSettings:
    settings = spec.hyperparameters
    return PlanSettings(
        epochs=settings.epochs,
        tokens_per_step=settings.tokens_per_step,
        sequence_length=settings.sequence_length,
        seed=settings.seed,
        processes=spec.processes,
        max_steps=settings.max_steps,
    )


def _plan(spec: TrainingSpec, samples: list[Sample]) -> list[Step]:
    lengths = [len(sample) for sample in samples]
    return plan_steps(lengths, [sample.repeats for sample in samples], _plan_settings(spec))


def _identity(spec: TrainingSpec, prepared: Prepared) -> Identity:
    return Identity(spec.learning_digest(prepared.base_digest), prepared.training.digest(), spec.processes)


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    from workers.engines.training.distributed import local_rank

    torch.cuda.set_device(local_rank())
    return torch.device("cuda", local_rank())


def _dtype(spec: TrainingSpec, device: torch.device) -> torch.dtype:
    if spec.dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    return torch.float32 if spec.dtype == "float32" else torch.bfloat16


def _backend(run: Run, spec: TrainingSpec, packed: PackedLanguageModel, device: torch.device) -> Backend:
    if spec.processes == 1:
        from workers.engines.training.single import SingleProcess

        return SingleProcess(packed, spec.hyperparameters, device, lambda: run.stop_requested)
    from workers.engines.training.distributed import DeepSpeedProcesses

    return DeepSpeedProcesses(packed, spec, _plan_settings(spec), device, lambda: run.stop_requested)


def _finish(
    run: Run,
    spec: TrainingSpec,
    prepared: Prepared,
    trained: torch.nn.Module,
    packed: PackedLanguageModel,
    backend: Backend,
    account: Account,
    resumed: int | None,
) -> TrainingResult:
    heldout_loss = _heldout_loss(backend.model, prepared.heldout.samples, spec, backend.device)
    state = backend.full_state()
    manifest = ""
    if backend.rank == 0:
        manifest = save_trained(
            trained, prepared.tokenizer, spec, run.output_dir, prepared.base_digest, state
        )
    backend.wait()
    backend.leave()
    window = max(1, min(LOSS_WINDOW, account.step // 10))
    return TrainingResult(
        steps=account.step,
        tokens=account.tokens,
        labelled_tokens=account.labelled_tokens,
        loss_first=statistics.fmean(account.first_losses[:window]),
        loss_last=statistics.fmean(account.last_losses[-window:]),
        heldout_loss=heldout_loss,
        seconds=account.seconds,
        tokens_per_second=account.tokens_here / account.seconds if account.seconds else 0.0,
        parameters_trained=_count(packed, lambda p: p.requires_grad),
        parameters_total=_count(packed, lambda p: True),
        records={**prepared.training.records, "too_long": prepared.training.too_long},
        resumed_from_step=resumed,
        adapter_dir="adapter" if spec.method == "lora" else None,
        model_dir="model" if spec.method == "full" else None,
        manifest_sha256=manifest,
        base_model_digest=prepared.base_digest,
    )


@torch.no_grad()
def _heldout_loss(
    model: torch.nn.Module, samples: list[Sample], spec: TrainingSpec, device: torch.device
) -> float | None:
    """Mean loss per labelled token (weighted) over the first held-out samples; None without any."""
    chosen, tokens = [], 0
    for sample in samples:
        if tokens + len(sample) > HELDOUT_TOKENS:
            break
        chosen.append(sample)
        tokens += len(sample)
    if not chosen:
        return None
    model.eval()
    lengths = [len(sample) for sample in chosen]
    settings = PlanSettings(1, HELDOUT_TOKENS, spec.hyperparameters.sequence_length, seed=0)
    (step,) = plan_steps(lengths, [1] * len(chosen), settings)
    loss = sum(float(model(collate([chosen[i] for i in pack], device))) for pack in step)
    return loss / sum(float(sample.weights.sum()) for sample in chosen)


def _count(model: torch.nn.Module, wanted: Callable[[torch.nn.Parameter], bool]) -> int:
    # Under ZeRO 3 a parameter's own tensor is empty and its size is kept beside it.
    return sum(getattr(p, "ds_numel", p.numel()) for p in model.parameters() if wanted(p))


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
