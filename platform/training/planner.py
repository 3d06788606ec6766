"""What a training run will need: tokens, steps, time and memory, estimated before it is started.

Plain arithmetic from the base model's sizes and the dataset's counts. What earlier runs on the same base
model measured replaces assumptions. Every figure is a range, which shows how uncertain the estimate is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from workers.contract.model_shape import ModelShape
from workers.contract.prompts import OPEN_BOOK_INSTRUCTION
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
        """To two significant digits; the estimate is not more precise."""
        return Range(float(f"{self.low:.2g}"), float(f"{self.high:.2g}"))


@dataclass(frozen=True)
class Model:
    """The sizes of a base model."""

    parameters: int
    shape: ModelShape


@dataclass(frozen=True)
class Data:
    """The training split of a dataset version."""

    characters: int
    texts: int
    pairs: int


@dataclass(frozen=True)
class Machine:
    """The processors that a run uses."""

    cpus: int
    gpus: int


@dataclass(frozen=True)
class Measured:
    """What an earlier run on the same base model measured."""

    tokens_per_second: float
    tokens_per_character: float | None


@dataclass(frozen=True)
class Plan:
    tokens: Range
    """Tokens that are seen, over all epochs."""
    steps: Range
    seconds: Range
    memory_bytes: Range
    runs: int
    """How many earlier runs the speed was measured in; 0: it is computed from the machine alone."""


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
    steps = steps_of(tokens, settings)
    if settings.max_steps is not None:
        most = float(settings.max_steps)
        steps = Range(min(steps.low, most), min(steps.high, most))
        seen = most * settings.tokens_per_step
        # Few steps are rarely full (measured: 1,057 tokens in three steps of 512).
        tokens = Range(min(tokens.low, 0.65 * seen), min(tokens.high, seen))
    speed = _tokens_per_second(model, machine, measured)
    return Plan(
        tokens=tokens.rounded(),
        steps=steps if settings.max_steps is not None else steps.rounded(),
        seconds=Range(tokens.low / speed.high, tokens.high / speed.low).rounded(),
        memory_bytes=_memory(model, settings, machine),
        runs=len(measured),
    )


def steps_of(tokens: Range, settings: Hyperparameters) -> Range:
    """A step ends before the sample that would exceed it, and no sample is longer than a sequence: so a step may lack
    as many tokens, but two neighbours together have more than one whole step."""
    least = max(settings.tokens_per_step - settings.sequence_length, settings.tokens_per_step / 2)
    return Range(max(1.0, ceil(tokens.low / settings.tokens_per_step)), max(1.0, ceil(tokens.high / least)))


def pair_characters(data: Data, settings: Hyperparameters) -> Range:
    """Of all prompts that the pairs become in one epoch.

    Only the mean length of all records is known. A question with its answer is mostly shorter than a text, and a
    passage may be the longest one. Short pairs consist mainly of what the prompt adds.
    """
    each = data.characters / max(1, data.texts + data.pairs)
    passages = 1 + settings.open_book_distractors
    pair = Range(0.05, 1.5) * each + _TURNS
    passage = Range(0.05, 2.0) * each + _DELIMITERS
    total = Range(0.0, 0.0)
    if "closed_book" in settings.pair_forms:
        total = total + pair
    if "open_book" in settings.pair_forms:
        # Of few pairs there are not enough other passages.
        total = total + pair + Range(passage.low, passage.high * passages) + _INSTRUCTION
    return total * (data.pairs * settings.pair_repeats)


_TURNS = Range(5, 40)
"""Characters that a chat template writes around question and answer."""
_INSTRUCTION = Range(len(OPEN_BOOK_INSTRUCTION), len(OPEN_BOOK_INSTRUCTION) + 10)
_DELIMITERS = Range(10, 20)
"""Around each passage."""


def _tokens(
    model: Model, data: Data, settings: Hyperparameters, measured: Sequence[Measured], with_texts: bool
) -> Range:
    """Tokens of all epochs."""
    characters = pair_characters(data, settings)
    if with_texts:
        whole = data.texts * data.characters / max(1, data.texts + data.pairs)
        characters = characters + Range(whole, whole)
    rate = _tokens_per_character(model, measured)
    return Range(characters.low * rate.low, characters.high * rate.high) * settings.epochs


def _tokens_per_character(model: Model, measured: Sequence[Measured]) -> Range:
    """Japanese text. A vocabulary of 150,000 and more holds Japanese words (Gemma 3: .6 measured on
    company rules); a small one made for English spells characters in bytes (SmolLM2: 1.6)."""
    known = [one.tokens_per_character for one in measured if one.tokens_per_character]
    if known:
        return Range(min(known) * 0.9, max(known) * 1.1)
    if model.shape.vocabulary_size >= 150_000:
        return Range(0.45, 0.8)
    return Range(0.6, 1.2) if model.shape.vocabulary_size >= 90_000 else Range(1.0, 2.2)


# Floating-point operations a second. CPU: about 150 GFLOP/s for each core in float32, a little over
# half of it reached (measured: 300 tokens/s of SmolLM2 135M, 156 of Gemma 3 270M, on two cores; 62
# of SmolLM2 on two cores that others were busy on).
# GPU: 25 TFLOP/s of an old card to 300 of a new one, which is why one measured run helps so much.
_CPU_CORE = Range(15e9, 100e9)
_GPU = Range(25e12, 300e12)


def _tokens_per_second(model: Model, machine: Machine, measured: Sequence[Measured]) -> Range:
    """As measured, if there is a run; else from 4 N floating-point operations for each token.

    2 N for the forward pass and 2 N for passing gradients back through frozen weights (LoRA computes
    no gradients of them); full training would be 6 N (Kaplan et al. 2020, "Scaling Laws for Neural
    Language Models", section 2.1). N counts all parameters: the output layer is the embedding.
    """
    speeds = [one.tokens_per_second for one in measured if one.tokens_per_second > 0]
    if speeds:
        # One run does not show the variation; a busy machine easily costs a quarter of the speed.
        return Range(min(speeds) * 0.75, max(speeds) * 1.15)
    power = _GPU * machine.gpus if machine.gpus else _CPU_CORE * max(1, machine.cpus)
    return power * (1 / (4 * model.parameters))


def _memory(model: Model, settings: Hyperparameters, machine: Machine) -> Range:
    """Weights, adapter with its optimizer, activations, and the process itself.

    - weights: 4 bytes each on CPU (float32), 2 on GPU (bfloat16);
    - adapter: 16 bytes for each of its parameters (weight, gradient, two moments of Adam; Rajbhandari
      et al. 2020, "ZeRO", section 3.1);
    - activations: 34 bytes for each token, layer and unit of width in 16 bits without recomputation and
      without attention scores, which sdpa does not store (Korthikanti et al. 2022, "Reducing
      Activation Recomputation in Large Transformer Models", equation 2 less its last term);
    - the process: 1 to 2 GiB of libraries and buffers.
    """
    width = 2 if machine.gpus else 4
    weights = model.parameters * width
    adapter = 16 * model.shape.lora_parameters(settings.lora_rank)
    activations = 17 * width * settings.sequence_length * model.shape.hidden_size * model.shape.layers
    # Frozen weights need no gradients of their own, so less is kept than the formula says.
    return Range(
        weights + adapter + 0.5 * activations + GIBIBYTE, weights + adapter + 1.5 * activations + 2 * GIBIBYTE
    )
