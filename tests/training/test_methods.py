"""Methods, objectives and settings as data agree with the spec and with the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from training.methods import HYPERPARAMETERS, METHODS, OBJECTIVES, learns_from
from training.models import MethodType
from training.words import ESSENTIAL, SCHEDULES
from workers.contract.specs.training import Hyperparameters

NOT_IN_FORM = {"target_modules", "pair_forms"}


def flat(text: object) -> str:
    return " ".join(str(text).split())


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_every_hyperparameter_is_explained_by_its_docstring():
    assert HYPERPARAMETERS.keys() == Hyperparameters.model_fields.keys() - NOT_IN_FORM
    assert set(ESSENTIAL) <= HYPERPARAMETERS.keys()
    for name, setting in HYPERPARAMETERS.items():
        assert flat(setting.sentence) == flat(Hyperparameters.model_fields[name].description), name


def test_every_schedule_has_a_name():
    assert SCHEDULES.keys() == set(Hyperparameters.model_fields["schedule"].annotation.__args__)


def test_every_method_names_objectives_of_the_engine(repository: Path):
    files = {path.stem for path in (repository / "workers/engines/training/objectives").glob("*.py")}
    assert METHODS.keys() == set(MethodType.values)
    used = {name for objectives in METHODS.values() for name in objectives}
    assert used == OBJECTIVES.keys()
    assert used <= files


def test_methods_learn_from_the_records_of_their_objectives():
    assert learns_from("supervised") == {"examples"}
    assert learns_from("continued_pretraining") == {"texts", "examples"}
