"""What a training run will take, before it is started: tokens, steps, time and memory.

Plain arithmetic from the base model's sizes and the dataset's counts; what earlier runs on the same
base model measured replaces the guesses. Every figure is a range, because an estimate that hides
its uncertainty is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from workers.contract.model_shape import lora_parameters
from workers.contract.specs.training import Hyperparameters

GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Range:
    low: float
    high: float

    def __mul__(self, factor: float) -> Range:
        return Range(self.low * factor, self.high * factor)

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def rounded(self) -> Range:
        """To two significant digits: more would claim a precision that is not there."""
        return Range(float(f"{self.low:.2g}"), float(f"{self.high:.2g}"))


@dataclass(frozen=True)
class Model:
    """The sizes of a base model."""

    parameters: int
    hidden_size: int
    layers: int
    vocabulary_size: int


@dataclass(frozen=True)
class Data:
    """What is learnt from, without what is held out."""

    characters: int
    texts: int
    pairs: int


@dataclass(frozen=True)
class Machine:
    """Where the run takes place."""

    cpus: int
    gpus: int


@dataclass(frozen=True)
class Measured:
    """What an earlier run on the same base model came to."""

    tokens_per_second: float
    tokens_per_character: float | None


@dataclass(frozen=True)
class Plan:
    tokens: Range
    """Tokens that are seen, over all passes."""
    steps: Range
    seconds: Range
    memory_bytes: Range
    runs: int
    """Earlier runs the speed rests on; 0: it is computed from the machine alone."""


def plan(
    model: Model,
    data: Data,
    settings: Hyperparameters,
    machine: Machine,
    *,
    measured: Sequence[Measured] = (),
    with_texts: bool = True,
) -> Plan:
    """`with_texts` is false for a run that learns from question-answer pairs only."""
    tokens = _tokens(model, data, settings, measured, with_texts)
    steps = Range(*(max(1.0, ceil(one / settings.tokens_per_step)) for one in (tokens.low, tokens.high)))
    if settings.max_steps is not None:
        most = float(settings.max_steps)
        steps = Range(min(steps.low, most), min(steps.high, most))
        seen = most * settings.tokens_per_step
        # Few steps are rarely filled to the brim (measured: 1,057 tokens in three steps of 512).
        tokens = Range(min(tokens.low, 0.65 * seen), min(tokens.high, seen))
    speed = _tokens_per_second(model, machine, measured)
    return Plan(
        tokens=tokens.rounded(),
        steps=steps if settings.max_steps is not None else steps.rounded(),
        seconds=Range(tokens.low / speed.high, tokens.high / speed.low).rounded(),
        memory_bytes=_memory(model, settings, machine),
        runs=len(measured),
    )


def _tokens(
    model: Model, data: Data, settings: Hyperparameters, measured: Sequence[Measured], with_texts: bool
) -> Range:
    """Tokens of all passes.

    A pair is counted as the mean record: closed book it is shorter, open book its passage comes with
    it, hence the wide range of its share.
    """
    each = data.characters / max(1, data.texts + data.pairs)
    forms = len(settings.pair_forms) * settings.pair_repeats
    characters = Range(0.3, 1.5) * (data.pairs * each * forms)
    if with_texts:
        whole = data.texts * each
        characters = characters + Range(whole, whole)
    return _between(characters, _tokens_per_character(model, measured)) * settings.epochs


def _between(amount: Range, rate: Range) -> Range:
    return Range(amount.low * rate.low, amount.high * rate.high)


def _tokens_per_character(model: Model, measured: Sequence[Measured]) -> Range:
    """Japanese text. A vocabulary of 150,000 and more holds Japanese words (Gemma 3: .6 measured on
    company rules); a small one made for English spells characters in bytes (SmolLM2: 1.6)."""
    known = [one.tokens_per_character for one in measured if one.tokens_per_character]
    if known:
        return Range(min(known) * 0.9, max(known) * 1.1)
    if model.vocabulary_size >= 150_000:
        return Range(0.45, 0.8)
    return Range(0.6, 1.2) if model.vocabulary_size >= 90_000 else Range(1.0, 2.2)


# Floating-point operations a second. CPU: about 150 GFLOP/s for each core in float32, a little over
# half of it reached (measured: 300 tokens/s of SmolLM2 135M, 156 of Gemma 3 270M, on two cores; 62
# of SmolLM2 on two cores that others were busy on).
# GPU: 25 TFLOP/s of an old card to 300 of a new one, which is why one measured run helps so much.
_CPU_CORE = Range(15e9, 100e9)
_GPU = Range(25e12, 300e12)


def _tokens_per_second(model: Model, machine: Machine, measured: Sequence[Measured]) -> Range:
    """Measured where there is a run; else 4 N floating-point operations a token.

    2 N for the forward pass and 2 N for passing gradients back through frozen weights (LoRA computes
    no gradients of them); full training would be 6 N (Kaplan et al. 2020, "Scaling Laws for Neural
    Language Models", section 2.1). N counts all parameters: the output layer is the embedding.
    """
    speeds = [one.tokens_per_second for one in measured if one.tokens_per_second > 0]
    if speeds:
        # One run says nothing about its spread; a busy machine easily costs a quarter.
        return Range(min(speeds) * 0.75, max(speeds) * 1.15)
    power = _GPU * machine.gpus if machine.gpus else _CPU_CORE * max(1, machine.cpus)
    return power * (1 / (4 * model.parameters))


def _memory(model: Model, settings: Hyperparameters, machine: Machine) -> Range:
    """Weights, adapter with its optimizer, activations, and the process itself.

    - weights: 4 bytes each on CPU (float32), 2 on GPU (bfloat16);
    - adapter: 16 bytes for each of its parameters (weight, gradient, two moments of Adam; Rajbhandari
      et al. 2020, "ZeRO", section 3.1);
    - activations: 34 bytes for each token, layer and unit of width in 16 bits without recomputation and
      without attention scores, which sdpa never keeps (Korthikanti et al. 2022, "Reducing
      Activation Recomputation in Large Transformer Models", equation 2 less its last term);
    - the process: 1 to 2 GiB of libraries and buffers.
    """
    width = 2 if machine.gpus else 4
    weights = model.parameters * width
    adapter = 16 * lora_parameters(settings.lora_rank, model.hidden_size, model.layers)
    activations = 17 * width * settings.sequence_length * model.hidden_size * model.layers
    # Frozen weights need no gradients of their own, so less is kept than the formula says.
    return Range(
        weights + adapter + 0.5 * activations + GIBIBYTE, weights + adapter + 1.5 * activations + 2 * GIBIBYTE
    )
