"""Predicting each next token: the loss that continued pre-training and supervised training share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from workers.engines.training.objectives.base import TrainingObjective
from workers.engines.training.samples import PackedBatch, Sample

if TYPE_CHECKING:
    from workers.engines.training.model import PackedLanguageModel


@dataclass(frozen=True)
class NextTokenLabels:
    """Over the labelled tokens of a pack only."""

    predict_from: torch.Tensor
    """Positions in the pack whose hidden state predicts a labelled token."""
    targets: torch.Tensor
    weights: torch.Tensor


class NextTokenObjective(TrainingObjective):
    """Cross-entropy of each labelled token, times its weight."""

    def collate(
        self, samples: Sequence[Sample], starts: Sequence[int], device: torch.device | str
    ) -> NextTokenLabels:
        labelled = [np.flatnonzero(sample.weights) for sample in samples]
        positions = [start + own - 1 for start, own in zip(starts, labelled, strict=True)]
        targets = [sample.ids[own] for sample, own in zip(samples, labelled, strict=True)]
        weights = [sample.weights[own] for sample, own in zip(samples, labelled, strict=True)]
        return NextTokenLabels(
            *(torch.from_numpy(np.concatenate(part)).to(device) for part in (positions, targets, weights))
        )

    def loss(
        self, model: PackedLanguageModel, batch: PackedBatch, hidden: torch.Tensor, labels: NextTokenLabels
    ) -> torch.Tensor:
        chosen = hidden.index_select(0, labels.predict_from)
        return model.cross_entropy(chosen, labels.targets, labels.weights)
