"""The score of a hit means the same for every question and every embedding model."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engines.shared.index.confidence import UNRELATED, confidence, unrelated_cosine


class Model:
    """Its unrelated texts have the cosine `floor`."""

    def __init__(self, floor: float) -> None:
        count = len(UNRELATED)
        self._vectors = np.linalg.cholesky(np.full((count, count), floor) + np.eye(count) * (1 - floor))

    def embed(self, texts, role):
        return self._vectors[: len(texts)].astype(np.float32)


@pytest.mark.parametrize("floor", [0.0, 0.3, 0.8])
def test_the_nearness_counts_from_what_is_unrelated_for_the_model(floor):
    unrelated = unrelated_cosine(Model(floor))
    assert unrelated == pytest.approx(floor, abs=1e-5)
    halfway = floor + (1 - floor) / 2
    cosines = np.array([floor - 0.1, floor, halfway, 1.0], dtype=np.float32)
    coverage = np.array([0.0, 1.0, 0.5, 1.0], dtype=np.float32)
    assert confidence(cosines, coverage, unrelated) == pytest.approx([0, 0.5, 0.5, 1], abs=1e-4)


def test_a_model_that_gives_one_to_everything_divides_by_nothing():
    assert np.isfinite(confidence(np.ones(2, np.float32), np.zeros(2, np.float32), 1.0)).all()
