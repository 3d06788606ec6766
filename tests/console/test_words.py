"""The console's sentences about settings are those of the specs."""

from __future__ import annotations

import pytest
from django.utils import translation
from django.utils.translation import gettext

from evaluations.words import REASONS, REQUIREMENTS
from releases.labels import GENERATION
from releases.services import GenerationSettings
from workers.contract.specs.gate import Reason, Requirement
from workers.contract.specs.tasks.declaration import declared_metrics


def flat(text: object) -> str:
    return " ".join(str(text).split())


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def test_every_generation_setting_is_explained_by_its_docstring():
    assert GENERATION.keys() == GenerationSettings.model_fields.keys()
    for name, (_label, sentence) in GENERATION.items():
        assert flat(sentence) == flat(GenerationSettings.model_fields[name].description), name


def test_every_metric_has_words_in_japanese():
    metrics = [metric for _task, metric in declared_metrics()]
    assert metrics
    with translation.override("ja"):
        for metric in metrics:
            assert gettext(metric.label) != metric.label and gettext(metric.help) != metric.help


def test_every_rule_and_reason_has_words():
    assert set(REQUIREMENTS) == set(Requirement.__args__)
    assert set(REASONS) == set(Reason.__args__)
