"""What a training run is given (`TrainingSpec`) and what it returns (`TrainingResult`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from workers.contract.spec import Spec

PairForm = Literal["closed_book", "open_book"]


class Hyperparameters(Spec):
    """How to train. The sentence under each field is shown in the form and in the API's docs."""

    learning_rate: float = Field(default=2e-4, gt=0, le=0.1)
    """The highest learning rate, reached after the warm-up. LoRA: about 2e-4; full: about 2e-5."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up: to zero along a cosine or a line, or not at all."""
    warmup_share: float = Field(default=0.05, ge=0, le=0.5)
    """The share of all steps over which the learning rate rises from zero."""
    epochs: int = Field(default=3, ge=1, le=100)
    """How often every record is seen."""
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Stop after this many steps even where the epochs would need more."""
    sequence_length: int = Field(default=1024, ge=16, le=131_072)
    """Longest piece of text, in tokens, that the model sees at once. Longer documents are cut."""
    tokens_per_step: int = Field(default=4096, ge=16, le=67_108_864)
    """Tokens between two updates of the weights, over all processes together."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """How strongly weights are pulled towards zero at each step (AdamW)."""
    max_grad_norm: float = Field(default=1.0, gt=0, le=1000)
    """Gradients with a larger norm are scaled down to it, so that single odd records do little harm."""
    lora_rank: int = Field(default=16, ge=1, le=512)
    """LoRA only: the width of the adapter; more remembers more and costs more."""
    lora_alpha: float = Field(default=32.0, gt=0, le=2048)
    """LoRA only: the adapter's strength is this number divided by the rank."""
    lora_dropout: float = Field(default=0.0, ge=0, le=0.9)
    """LoRA only: the share of the adapter's input that is left out at random."""
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """LoRA only: the layers that get an adapter, by the end of their name, or all linear ones."""
    pair_forms: tuple[PairForm, ...] = ("closed_book", "open_book")
    """Whether a question is trained without its passage, with it, or both."""
    pair_repeats: int = Field(default=1, ge=1, le=100)
    """How often a question-and-answer pair is seen in each epoch."""
    pair_weight: float = Field(default=1.0, gt=0, le=100)
    """The weight of an answer's token in the loss, beside 1 for a token of running text."""
    open_book_distractors: int = Field(default=0, ge=0, le=9)
    """How many passages of other questions are mixed in, so that the model learns to choose."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """The same seed, data and settings give the same model on the same machine."""

    @model_validator(mode="after")
    def _consistent(self) -> Hyperparameters:
        if self.tokens_per_step < self.sequence_length:
            raise ValueError("tokens_per_step must be at least sequence_length")
        if not self.pair_forms:
            raise ValueError("pair_forms must name at least one form")
        return self


class Checkpointing(Spec):
    """When the run's state is saved to disk."""

    every_steps: int = Field(default=50, ge=1, le=1_000_000)
    """Steps between two checkpoints, and so what is lost at most when a machine fails."""
    keep: int = Field(default=3, ge=1, le=100)
    """How many of the newest checkpoints are kept."""


class Distributed(Spec):
    """How the run is divided among processes."""

    processes: int = Field(default=1, ge=1, le=4096)
    """Processes (one for each GPU). Above one the run is started by torchrun and uses DeepSpeed."""
    zero_stage: int = Field(default=0, ge=0, le=3)
    """DeepSpeed ZeRO: 0 copies everything, 1 splits optimizer states, 2 gradients too, 3 weights too."""


class TrainingSpec(Spec):
    """One training run: LoRA or full, on the `train` split of the record files only."""

    version: Literal[1] = 1
    base_model: Path
    """Folder of the base model: safetensors, config.json and tokenizer."""
    base_model_digest: str | None = None
    """Refuse to train if the folder's digest (`inspect_model_folder`) is another."""
    method: Literal["lora", "full"] = "lora"
    record_files: tuple[Path, ...] = Field(min_length=1)
    objectives: tuple[str, ...] = Field(default=("continued_pretraining", "supervised"), min_length=1)
    """Names from the engine's `objectives/`; each learns from the records of its own types."""
    parent_adapter: Path | None = None
    """Continue from this adapter (incremental retraining) instead of a fresh one."""
    parent_manifest_sha256: str | None = None
    """Refuse to continue if the parent adapter's manifest is another."""
    known_record_files: tuple[Path, ...] = ()
    """Records that `parent_adapter` was trained on. Of those, only `replay_share` is seen again."""
    replay_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the known records that is repeated among the new ones, so that they are not forgotten."""
    hyperparameters: Hyperparameters = Hyperparameters()
    checkpoint: Checkpointing = Checkpointing()
    distributed: Distributed = Distributed()
    recompute_activations: bool = False
    """Keep less in memory and compute it again in the backward pass: slower by about a third."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: float32 on CPU, bfloat16 on GPU."""

    @property
    def processes(self) -> int:
        """How many processes a launcher starts through torchrun; 1 means a plain process."""
        return self.distributed.processes

    def learning_digest(self, base_model_digest: str) -> str:
        """Equal for runs with the same settings and the same base model, wherever their files are stored.

        The content of the record files is not part of it.
        """
        without_places: dict[str, Any] = {
            "base_model": Path(),
            "base_model_digest": base_model_digest,
            "record_files": (Path(),),
            "known_record_files": (),
            "parent_adapter": None,
        }
        return self.model_copy(update=without_places).digest()

    @model_validator(mode="after")
    def _consistent(self) -> TrainingSpec:
        if self.method == "full" and self.parent_adapter is not None:
            raise ValueError("parent_adapter is for the lora method only")
        return self


class TrainingResult(Spec):
    """What the run made. Folders are relative to the run's `output/`."""

    version: Literal[1] = 1
    steps: int
    """Steps in the whole run, those before a resume included."""
    tokens: int
    """Real (non-padding) tokens seen in the whole run."""
    labelled_tokens: int
    """Those of them that were learnt from."""
    loss_first: float
    loss_last: float
    """Mean over the first and over the last tenth of the steps (at least one step, at most ten)."""
    heldout_loss: float | None = None
    """Mean loss per token over a sample of the held-out records, after training."""
    seconds: float
    """Time spent in steps by this attempt."""
    tokens_per_second: float
    parameters_trained: int
    parameters_total: int
    records: dict[str, int]
    """Records used by type, and `too_long` for those left out."""
    resumed_from_step: int | None = None
    adapter_dir: str | None = None
    """`adapter` for LoRA, else None."""
    model_dir: str | None = None
    """`model` for full training, else None."""
    manifest_sha256: str
    """Digest of the manifest of `adapter_dir` or `model_dir`."""
    base_model_digest: str | None = None
