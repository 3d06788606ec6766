"""The console shows steps and reasons in the reader's language, as the steps declare them."""

from __future__ import annotations

import polib
import pytest
from django.utils import translation

from curation.words import drop_detail, drop_reason, repeated_record, setting_value, step_help, step_name
from workers.contract.specs.curation_steps import STEPS


def test_names_a_step_and_its_repetition_in_both_languages():
    with translation.override("en"):
        assert [step_name("noise"), step_name("noise:2")] == ["Drop noise", "Drop noise (2)"]
        assert step_help("noise:2").startswith("Drop units that say nothing")
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
    sentences = {detail.sentence for detail in step.details.values()}
    assert {step.label, step.help, *step.reasons.values(), *sentences} <= translated
    assert step.details.keys() <= step.reasons.keys()


DETAILS = {
    # Step, reason and detail as they are written; the sentence in both languages.
    "too short": ("minimum_length", "too_short", "8 < 15", "Characters: 8. At least 15 are kept.", "文字数は8です。15文字以上を残します。"),
    "symbols": ("noise:2", "symbols", "0.62 > 0.4", "Share of symbols: 62%. Up to 40% is kept.", "記号の割合は62%です。40%以下を残します。"),
    "a header": (
        "boilerplate", "repeated_line", "on most of 2 pages",
        "The line stands on most of the document's 2 pages. One of them is kept.",
        "文書の2ページの大半にある行です。1件だけ残します。",
    ),
    "a duplicate": (
        "exact_duplicate", "exact_duplicate", "same as a8ad9910b9701480",
        "It says the same as a record that was kept.", "残したレコードと同じ内容です。",
    ),
    "nearly": (
        "near_duplicate", "near_duplicate", "like a8ad9910b9701480",
        "It says nearly the same as a record that was kept.", "残したレコードとほぼ同じ内容です。",
    ),
    "of another release": ("noise", "symbols", "very odd", "very odd", "very odd"),
}  # fmt: skip


@pytest.mark.parametrize(("step", "reason", "detail", "english", "japanese"), DETAILS.values(), ids=DETAILS)
def test_a_detail_is_a_sentence_in_both_languages(step, reason, detail, english, japanese):
    for language, sentence in (("en", english), ("ja", japanese)):
        with translation.override(language):
            assert drop_detail(step, reason, detail) == sentence
    assert repeated_record(step, reason, detail) == ("a8ad9910b9701480" if "duplicate" in reason else "")


def test_every_setting_of_a_step_has_a_name_and_no_listed_text_is_shown():
    for step in STEPS.values():
        assert set(step.settings) == set(step.model_fields) - {"type"}, step
    with translation.override("en"):
        assert setting_value("always", ["山田太郎"]) == "1 text"
