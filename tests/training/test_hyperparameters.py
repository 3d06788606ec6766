"""OpenAI's hyperparameters beside our own."""

from __future__ import annotations

import pytest

from common.errors import InvalidRequest
from training.hyperparameters import hyperparameters, openai_hyperparameters
from workers.contract.specs.training import Hyperparameters


def test_openai_names_are_converted():
    given = {"n_epochs": 5, "batch_size": 2, "learning_rate_multiplier": 0.5, "lora_rank": 8}
    values = hyperparameters(given, at="")
    assert (values.epochs, values.lora_rank) == (5, 8)
    assert values.tokens_per_step == 2 * values.sequence_length
    assert values.learning_rate == pytest.approx(0.5 * Hyperparameters().learning_rate)
    assert openai_hyperparameters(values) == {name: given[name] for name in given if name != "lora_rank"}


def test_auto_keeps_the_defaults():
    assert hyperparameters({"n_epochs": "auto", "batch_size": None}, at="") == Hyperparameters()


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"n_epochs": "many"}, "x.n_epochs", "invalid_value"),
        ({"n_epochs": True}, "x.n_epochs", "invalid_value"),
        ({"batch_size": -1}, "x.batch_size", "invalid_value"),
        ({"batch_size": 10**9}, "x.batch_size", "invalid_value"),
        ({"batch_size": 2.5}, "x.batch_size", "invalid_value"),
        ({"n_epochs": 0.5}, "x.n_epochs", "invalid_value"),
        ({"learning_rate_multiplier": 1e9}, "x.learning_rate_multiplier", "invalid_value"),
        ({"batch_size": 2, "sequence_length": "long"}, "x.sequence_length", "invalid_value"),
        ({"tokens_per_step": 16, "sequence_length": 512}, "x", "invalid_value"),
        ({"lora_rang": 4}, "x.lora_rang", "unknown_parameter"),
    ],
    ids=str,
)
def test_refusal_names_the_field_as_it_was_given(given, param, code):
    with pytest.raises(InvalidRequest) as refused:
        hyperparameters(given, at="x.")
    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({"batch_size": 70_000}, 65_536),
        ({"batch_size": 70_000, "sequence_length": 1_024 * 2}, 32_768),
        ({"learning_rate_multiplier": 600}, 500),
        ({"n_epochs": 101}, 100),
        ({"tokens_per_step": 10**9}, 67_108_864),
    ],
    ids=str,
)
def test_a_limit_is_that_of_what_was_given(given, most):
    """The limit itself is accepted."""
    with pytest.raises(InvalidRequest) as refused:
        hyperparameters(given, at="")
    name = next(iter(given))
    assert refused.value.message == f"{name}: Input should be less than or equal to {most}."
    assert hyperparameters({**given, name: most}, at="")
