"""Samples: what objectives make of records, and how a pack of them becomes tensors."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from workers.contract.records import AnyRecord
from workers.engines.shared.runtime import UserError

if TYPE_CHECKING:
    from workers.engines.training.objectives.base import TrainingObjective


@dataclass(frozen=True, slots=True)
class Sample:
    """Tokens that stay together in a pack; `weights[t]` is the loss weight of predicting `ids[t]`.

    `weights[0]` is always 0: nothing stands before the first token. `ids` is int64, `weights` float32,
    both (tokens,). A subclass may hold several sequences, for example a preferred and a rejected answer.
    """

    ids: np.ndarray
    weights: np.ndarray
    repeats: int = 1
    """How often the sample is seen in each epoch."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sequences(self) -> tuple[int, ...]:
        """The lengths of the sequences in it. A token attends to its own sequence only."""
        return (len(self.ids),)

    @property
    def labelled_tokens(self) -> int:
        return int((self.weights > 0).sum())

    @property
    def total_weight(self) -> float:
        """What the sample adds to the denominator of the step's mean loss."""
        return float(self.weights.sum())


@dataclass
class SampleSet:
    """The samples of one split and how many records of each type they came from."""

    samples: list[Sample] = field(default_factory=list)
    records: Counter[str] = field(default_factory=Counter)
    too_long: int = 0
    """Samples longer than the sequence length; they are left out."""

    def digest(self) -> str:
        """sha256 over all samples in order: equal digests train equally."""
        whole = hashlib.sha256()
        for sample in self.samples:
            whole.update(sample.ids.tobytes() + sample.weights.tobytes())
            whole.update(f"{sample.sequences};{sample.repeats};".encode())
        return whole.hexdigest()


def replay_known(
    records: Iterable[AnyRecord], known: set[str], share: float, seed: int
) -> Iterator[AnyRecord]:
    """All records that are not `known` (by id), and of those that are, a share drawn by seed and id."""
    for record in records:
        # The draw depends on nothing else, so that every process makes the same one.
        digest = hashlib.sha256(f"{seed}:{record.id}".encode()).digest()
        drawn = int.from_bytes(digest[:8]) / 2**64
        if record.id not in known or drawn < share:
            yield record


def build_samples(
    records: Iterable[AnyRecord], objectives: Sequence[TrainingObjective], sequence_length: int
) -> SampleSet:
    """The samples that the objectives make of `records`, in the order of the records.

    Raises UserError `context_too_long` when all samples of an objective are too long.
    """
    chosen = [r for r in records if any(isinstance(r, objective.record_types) for objective in objectives)]
    made = [
        objective.samples([r for r in chosen if isinstance(r, objective.record_types)])
        for objective in objectives
    ]
    result = SampleSet()
    fitting, too_long = Counter[str](), Counter[str]()
    for record in chosen:
        result.records[record.type] += 1
        for objective, of_each_record in zip(objectives, made, strict=True):
            if not isinstance(record, objective.record_types):
                continue
            for sample in next(of_each_record):
                if max(sample.sequences) > sequence_length:
                    too_long[objective.name] += 1
                else:
                    fitting[objective.name] += 1
                    result.samples.append(sample)
    for name, count in too_long.items():
        if not fitting[name]:
            raise UserError(
                "context_too_long",
                f"All {count} conversations are longer than {sequence_length} tokens. "
                "Raise sequence_length or shorten the pairs.",
                param="hyperparameters.sequence_length",
                reason="conversations",
                count=count,
                limit=sequence_length,
            )
    result.too_long = too_long.total()
    return result


@dataclass(frozen=True)
class PackedBatch:
    """One pack as tensors, each (1, tokens)."""

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    """Starts again at 0 with every sequence."""
    lengths: list[int]
    """Tokens of each sequence, in order."""
    labels: list[tuple[TrainingObjective, Any]]
    """For each class of samples in the pack: an objective that computes their loss, and their labels."""


def collate(
    samples: Sequence[Sample], objectives: Sequence[TrainingObjective], device: torch.device | str = "cpu"
) -> PackedBatch:
    """Pack `samples` into one row. Without samples: a row of one token from which nothing is learnt."""
    ids = np.concatenate([sample.ids for sample in samples]) if samples else np.zeros(1, dtype=np.int64)
    lengths = [length for sample in samples for length in sample.sequences] or [1]
    starts = np.cumsum([0, *map(len, samples)]).tolist()
    labels = []
    for sample_type in dict.fromkeys(type(sample) for sample in samples):
        objective = next(one for one in objectives if one.sample_type is sample_type)
        own = [number for number, sample in enumerate(samples) if type(sample) is sample_type]
        own_starts = [starts[number] for number in own]
        labels.append((objective, objective.collate([samples[number] for number in own], own_starts, device)))
    return PackedBatch(
        input_ids=torch.from_numpy(ids).to(device)[None],
        position_ids=torch.from_numpy(np.concatenate([np.arange(n) for n in lengths])).to(device)[None],
        lengths=lengths,
        labels=labels,
    )
