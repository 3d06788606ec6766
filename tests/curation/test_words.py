"""The console shows steps and reasons in the reader's language, as the steps declare them."""

from __future__ import annotations

import polib
import pytest
from django.utils import translation

from curation.words import drop_reason, step_help, step_name
from workers.contract.specs.curation_steps import STEPS


def test_names_a_step_and_its_repetition_in_both_languages():
    with translation.override("en"):
        assert [step_name("noise"), step_name("noise:2")] == ["Drop noise", "Drop noise (2)"]
        assert step_help("noise:2").startswith("Drop units that are symbols")
        assert drop_reason("too_short") == "too short"
    with translation.override("ja"):
        assert [step_name("noise"), step_name("noise:2")] == ["ノイズの除外", "ノイズの除外 (2)"]


def test_shows_what_is_not_declared_as_it_is():
    assert (step_name("new_step"), step_help("new_step"), drop_reason("too_odd")) == (
        "new step",
        "",
        "too odd",
    )


@pytest.mark.parametrize("type_", STEPS)
def test_every_label_help_and_reason_is_translated(repository, type_):
    catalogue = polib.pofile(str(repository / "platform/locale/ja/LC_MESSAGES/django.po"))
    translated = {entry.msgid for entry in catalogue.translated_entries()}
    step = STEPS[type_]
    assert {step.label, step.help, *step.reasons.values()} <= translated
