"""What the contract declares of the steps and what the engine implements are the same steps."""

from __future__ import annotations

import pytest

from workers.contract.specs.curation import DEFAULT_RECIPE
from workers.contract.specs.curation_steps import STEPS, NoiseStep, SplitStep
from workers.engines.curation.steps.registry import implementations, implements


def test_every_declared_step_is_implemented():
    """`split` is the exception: it works on all records at once, after the other steps."""
    assert set(implementations()) | {SplitStep} == set(STEPS.values())
    assert SplitStep not in implementations()


def test_the_default_recipe_has_every_step():
    assert [step.type for step in DEFAULT_RECIPE.steps] == list(STEPS)


def test_refuses_a_second_implementation():
    implementations()
    with pytest.raises(AssertionError, match="two functions implement NoiseStep"):
        implements(NoiseStep)(lambda step, units, context: units)


@pytest.mark.parametrize("type_", STEPS)
def test_step_describes_its_settings_and_reasons(type_):
    step = STEPS[type_]
    assert step.label and not step.label.endswith(".")
    assert step.help.endswith(".")
    assert all(step.reasons.values())
    unexplained = {name for name, field in step.model_fields.items() if not field.description}
    assert unexplained == {"type"}
