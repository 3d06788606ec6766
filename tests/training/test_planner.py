"""The planner's estimates of time, tokens and memory."""

from __future__ import annotations

import pytest

from training.planner import Data, Machine, Measured, Model, plan
from workers.contract.specs.training import Hyperparameters

SMOLLM2 = Model(parameters=134_515_008, hidden_size=576, layers=30, vocabulary_size=49_152)
GEMMA = Model(parameters=268_098_176, hidden_size=640, layers=18, vocabulary_size=262_144)
RULES = Data(characters=40_000, texts=120, pairs=60)
TWO_CORES = Machine(cpus=2, gpus=0)


@pytest.mark.parametrize(("model", "measured"), [(SMOLLM2, 300.0), (GEMMA, 156.0)])
def test_the_measured_speed_lies_within_the_estimate(model, measured):
    found = plan(model, RULES, Hyperparameters(), TWO_CORES)
    assert found.tokens.low / found.seconds.high < measured < found.tokens.high / found.seconds.low


def test_a_measured_run_narrows_the_estimate():
    rough = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES)
    exact = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES, measured=[Measured(300.0, 1.6)])
    assert exact.seconds.high / exact.seconds.low < rough.seconds.high / rough.seconds.low
    assert (exact.runs, rough.runs) == (1, 0)


def test_twice_the_epochs_are_twice_the_tokens():
    once = plan(SMOLLM2, RULES, Hyperparameters(epochs=2), TWO_CORES)
    twice = plan(SMOLLM2, RULES, Hyperparameters(epochs=4), TWO_CORES)
    assert twice.tokens.low == pytest.approx(2 * once.tokens.low, rel=0.05)


def test_max_steps_limits_the_tokens():
    found = plan(SMOLLM2, RULES, Hyperparameters(max_steps=7), TWO_CORES)
    assert found.steps.high == 7
    assert found.tokens.high <= 7 * 4096 * 1.05


def test_pairs_alone_take_fewer_tokens():
    everything = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES)
    questions = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES, with_texts=False)
    assert questions.tokens.high < everything.tokens.high


def test_memory_holds_at_least_the_weights():
    found = plan(GEMMA, RULES, Hyperparameters(), TWO_CORES)
    assert found.memory_bytes.low > GEMMA.parameters * 4
    on_gpu = plan(GEMMA, RULES, Hyperparameters(), Machine(cpus=8, gpus=1))
    assert on_gpu.memory_bytes.low < found.memory_bytes.low
    assert on_gpu.seconds.high < found.seconds.low
