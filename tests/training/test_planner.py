"""The planner: its arithmetic, and what it takes from the database."""

from __future__ import annotations

import pytest

from tests.world import DIGEST
from training.planner import Data, Machine, Measured, Model, plan
from training.planning import data_of, measured_of, plan_run
from workers.contract.model_shape import ModelShape
from workers.contract.specs.training import Hyperparameters

SMOLLM2 = Model(
    134_515_008, ModelShape(hidden_size=576, layers=30, vocabulary_size=49_152, context_length=8_192)
)
GEMMA = Model(
    268_098_176, ModelShape(hidden_size=640, layers=18, vocabulary_size=262_144, context_length=32_768)
)
RULES = Data(characters=40_000, texts=120, pairs=60)
TWO_CORES = Machine(cpus=2, gpus=0)


@pytest.mark.parametrize(("model", "measured"), [(SMOLLM2, 300.0), (GEMMA, 156.0)])
def test_estimate_contains_measured_speed(model, measured):
    found = plan(model, RULES, Hyperparameters(), TWO_CORES)
    assert found.tokens.low / found.seconds.high < measured < found.tokens.high / found.seconds.low


def test_measured_run_narrows_estimate():
    rough = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES)
    exact = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES, measured=[Measured(300.0, 1.6)])
    assert exact.seconds.high / exact.seconds.low < rough.seconds.high / rough.seconds.low
    assert (exact.runs, rough.runs) == (1, 0)


def test_tokens_grow_with_epochs():
    once = plan(SMOLLM2, RULES, Hyperparameters(epochs=2), TWO_CORES)
    twice = plan(SMOLLM2, RULES, Hyperparameters(epochs=4), TWO_CORES)
    assert twice.tokens.low == pytest.approx(2 * once.tokens.low, rel=0.05)


def test_steps_end_at_max_steps():
    found = plan(SMOLLM2, RULES, Hyperparameters(max_steps=7), TWO_CORES)
    assert found.steps.high == 7
    assert found.tokens.high <= 7 * 4096 * 1.05


def test_supervised_run_sees_fewer_tokens():
    everything = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES)
    questions = plan(SMOLLM2, RULES, Hyperparameters(), TWO_CORES, with_texts=False)
    assert questions.tokens.high < everything.tokens.high


def test_memory_is_at_least_the_weights():
    found = plan(GEMMA, RULES, Hyperparameters(), TWO_CORES)
    assert found.memory_bytes.low > GEMMA.parameters * 4
    on_gpu = plan(GEMMA, RULES, Hyperparameters(), Machine(cpus=8, gpus=1))
    assert on_gpu.memory_bytes.low < found.memory_bytes.low
    assert on_gpu.seconds.high < found.seconds.low


# -- from the database ------------------------------------------------------------------------------
def test_data_leaves_out_what_is_held_out(world):
    version = world.dataset_version(
        records=20, heldout_records=4, pairs=8, heldout_pairs=1, conversations=4, heldout_conversations=1,
        characters=3200,
    )  # fmt: skip
    # 26 of the 32 records are trained on.
    assert data_of(version) == Data(characters=2600, texts=16, pairs=10)
    empty = world.dataset_version(
        world.dataset("空"), records=0, heldout_records=0, pairs=0, heldout_pairs=0, characters=0
    )
    assert data_of(empty) == Data(characters=0, texts=0, pairs=0)


def test_finished_runs_are_measured(world):
    texts = world.dataset_version(pairs=0, heldout_pairs=0, characters=1000)
    run = world.training_run(texts, hyperparameters=Hyperparameters(epochs=2))
    world.training_run(texts)
    assert measured_of(run.base_model) == []
    world.trained(run.job, tokens=3200, tokens_per_second=250.0)
    # 8 of 10 records are trained on, twice: 1,600 characters.
    assert measured_of(run.base_model) == [Measured(250.0, 2.0)]


@pytest.mark.parametrize(
    ("counts", "hyperparameters"),
    [({}, Hyperparameters()), ({"pairs": 0, "heldout_pairs": 0}, Hyperparameters(max_steps=3))],
)
def test_runs_with_pairs_or_cut_short_measure_the_speed_only(world, counts, hyperparameters):
    run = world.training_run(world.dataset_version(**counts), hyperparameters=hyperparameters)
    world.trained(run.job)
    assert measured_of(run.base_model) == [Measured(1234.0, None)]


def test_plan_of_a_run_depends_on_method_and_cluster(world):
    base_model = world.base_model(parameters=100_000_000, vocabulary_size=49_152, digest=DIGEST)
    version = world.dataset_version(characters=40_000)
    options = {"base_model": base_model, "dataset_version": version, "hyperparameters": Hyperparameters()}
    everything = plan_run(method="continued_pretraining", **options)
    supervised = plan_run(method="supervised", **options)
    assert supervised.tokens.high < everything.tokens.high
    assert everything.runs == 0 and everything.memory_bytes.low > 4 * 100_000_000
