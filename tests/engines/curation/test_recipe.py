"""A recipe is refused where its steps cannot follow one another."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.contract.specs.curation import MinimumLengthStep, Recipe, SegmentStep, SplitStep


@pytest.mark.parametrize(
    "steps",
    [
        (SegmentStep(),),
        (SplitStep(),),
        (SplitStep(), SegmentStep()),
        (SegmentStep(), SegmentStep(), SplitStep()),
        (MinimumLengthStep(), SegmentStep(), SplitStep()),
    ],
)
def test_refuses_a_recipe_in_an_impossible_order(steps):
    with pytest.raises(ValidationError):
        Recipe(steps=steps)
