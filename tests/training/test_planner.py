"""The planner: its arithmetic, and what it takes from the database."""

from __future__ import annotations

import random

import pytest

from tests.world import DIGEST
from training.planner import Data, Machine, Measured, Model, Range, pair_characters, plan, steps_of
from training.planning import data_of, measured_of, plan_run
from workers.contract.model_shape import ModelShape
from workers.contract.prompts import closed_book_messages, open_book_messages
from workers.contract.specs.training import Hyperparameters
from workers.engines.training.plan import PlanSettings, plan_steps

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


# -- bounds that hold ---------------------------------------------------------------------------------
@pytest.mark.parametrize("tokens_per_step", [1024, 1536, 4096])
@pytest.mark.parametrize("longest", [20, 600, 1024])
@pytest.mark.parametrize("count", [1, 25, 400])
def test_the_steps_that_an_engine_plans_are_within_the_estimate(tokens_per_step, longest, count):
    """Long samples leave a part of each step empty."""
    settings = Hyperparameters(tokens_per_step=tokens_per_step, sequence_length=1024)
    draw = random.Random(count * longest)
    lengths = [draw.randint(max(1, longest // 2), longest) for _ in range(count)]
    planned = plan_steps(lengths, [1] * count, PlanSettings(settings.epochs, tokens_per_step, 1024, seed=0))
    total = float(sum(lengths) * settings.epochs)
    bounds = steps_of(Range(total, total), settings)
    assert bounds.low <= len(planned) <= bounds.high


QUESTION, ANSWER = "出張のときの日当はいくらですか", "一日あたり三千円です。"
TEXT = "第1条 国内の出張には日当を支給する。" * 20


@pytest.mark.parametrize("distractors", [0, 3])
@pytest.mark.parametrize("has_passages", [True, False])
@pytest.mark.parametrize("texts", [0, 40])
@pytest.mark.parametrize("forms", [("closed_book",), ("open_book",), ("closed_book", "open_book")])
def test_the_prompts_of_short_pairs_are_within_the_estimate(distractors, has_passages, texts, forms):
    """Instruction, delimiters and passages are more than a short question with its answer."""
    pairs = 25
    settings = Hyperparameters(pair_forms=forms, open_book_distractors=distractors)
    own = TEXT if has_passages and texts else f"質問: {QUESTION}\n回答: {ANSWER}"
    prompts = []
    if "closed_book" in forms:
        prompts.append(closed_book_messages(QUESTION))
    if "open_book" in forms:
        prompts.append(open_book_messages(QUESTION, [own] * (1 + distractors)))
    written = pairs * sum(len(each["content"]) + len(ANSWER) for prompt in prompts for each in prompt)
    characters = texts * len(TEXT) + pairs * (len(QUESTION) + len(ANSWER))
    bounds = pair_characters(Data(characters=characters, texts=texts, pairs=pairs), settings)
    assert bounds.low <= written <= bounds.high


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
