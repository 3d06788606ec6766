"""What an objective is: it turns records into samples, collates them, and computes a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from workers.contract.specs.training import Hyperparameters
from workers.engines.training.samples import PackedBatch, Sample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from workers.engines.training.model import PackedLanguageModel

OBJECTIVES: dict[str, type[TrainingObjective]] = {}
"""All objectives by name. A subclass with a name enters itself when it is defined."""


class TrainingObjective(ABC):
    """What a run learns from records, and by which loss.

    Objectives of one run share its packs. Those whose samples are of the same class also share `collate`
    and `loss`: a pack's samples of that class are computed in one call. An objective with a loss of its
    own therefore makes samples of a class of its own.
    """

    name: ClassVar[str]
    """As in `TrainingSpec.objectives`."""
    record_types: ClassVar[tuple[type, ...]]
    """The classes of `contract.records` that it learns from."""
    sample_type: ClassVar[type[Sample]] = Sample

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" in cls.__dict__:
            OBJECTIVES[cls.name] = cls

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: Hyperparameters) -> None:
        self.tokenizer = tokenizer
        self.settings = settings

    @abstractmethod
    def samples(self, records: Sequence[Any]) -> Iterator[list[Sample]]:
        """For each of `records`, in order, the samples made of it.

        `records` are all records of one split that are of `record_types`. A sample may be longer than the
        sequence length: the caller leaves it out.
        """

    @abstractmethod
    def collate(self, samples: Sequence[Any], starts: Sequence[int], device: torch.device | str) -> Any:
        """The labels of `samples` as tensors on `device`; `starts[i]` is the place of sample i in the pack."""

    @abstractmethod
    def loss(
        self, model: PackedLanguageModel, batch: PackedBatch, hidden: torch.Tensor, labels: Any
    ) -> torch.Tensor:
        """The sum of the samples' losses as a float32 scalar.

        `hidden` (tokens, width) are the hidden states of the whole pack after the last norm; `labels` is
        what `collate` returned. The step divides by the sum of its samples' `total_weight`.
        """
