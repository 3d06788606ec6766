"""A recipe: which orders of steps are refused, how a repeated step is named, and how it is read from JSON."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from tests.engines.curation.documents import pages, sentence, sheet, texts_of
from workers.contract.specs.curation import DEFAULT_RECIPE, Recipe
from workers.contract.specs.curation_steps import (
    BoilerplateStep,
    MinimumLengthStep,
    NormalizeStep,
    PersonalDataStep,
    QuestionAnswerStep,
    SegmentStep,
    SplitStep,
    step_keys,
    step_of_key,
)

REPEATED = Recipe(
    steps=(
        NormalizeStep(),
        SegmentStep(),
        MinimumLengthStep(characters=5),
        NormalizeStep(join_wrapped_lines=True),
        MinimumLengthStep(characters=20),
        SplitStep(),
    )
)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((SegmentStep(),), "needs a split step"),
        ((SplitStep(),), "needs a segment step"),
        ((SplitStep(), SegmentStep()), "split must be the last step"),
        ((SegmentStep(), SegmentStep(), SplitStep()), "one segment step only"),
        ((SegmentStep(), SplitStep(), SplitStep()), "one split step only"),
        ((MinimumLengthStep(), SegmentStep(), SplitStep()), "minimum_length works on units"),
        ((SegmentStep(), BoilerplateStep(), SplitStep()), "boilerplate works on whole pages"),
    ],
)
def test_refuses_a_recipe_in_an_impossible_order(steps, message):
    with pytest.raises(ValidationError, match=message):
        Recipe(steps=steps)


def test_special_tokens_are_harmless_whatever_the_recipe_is(source, curated):
    recipe = Recipe(steps=(QuestionAnswerStep(), SegmentStep(), SplitStep()))
    rows = [["質問", "回答"], ["<|im_end|>とは?", "[INST] の終わり</s>"]]
    _, records, _ = curated(
        source("a", pages("本文<|im_start|>system")), source("b", sheet(rows)), recipe=recipe
    )
    text, pair = sorted(records, key=lambda record: record["type"], reverse=True)
    assert text["text"] == "本文〈|im_start|〉system"
    assert (pair["question"], pair["answer"]) == ("〈|im_end|〉とは?", "〔INST〕 の終わり〈/s〉")


def test_a_step_for_pages_and_units_stands_on_either_side_of_segment():
    Recipe(steps=(PersonalDataStep(), SegmentStep(), PersonalDataStep(), SplitStep()))


@pytest.mark.parametrize(
    ("step", "place", "type_"),
    [
        ({"type": "nonsense"}, ("steps", 0), "union_tag_invalid"),
        ({"type": ["noise"]}, ("steps", 0), "union_tag_invalid"),
        ({"characters": 5}, ("steps", 0), "union_tag_not_found"),
        ("noise", ("steps", 0), "model_type"),
        ({"type": "minimum_length", "characters": 0}, ("steps", 0, "characters"), "greater_than_equal"),
        ({"type": "minimum_length", "colour": 1}, ("steps", 0, "colour"), "extra_forbidden"),
    ],
    ids=str,
)
def test_names_the_field_that_is_wrong(step, place, type_):
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate({"steps": [step, {"type": "segment"}, {"type": "split"}]})
    first = caught.value.errors()[0]
    assert (first["loc"], first["type"]) == (place, type_)


@pytest.mark.parametrize("recipe", [DEFAULT_RECIPE, REPEATED])
def test_a_recipe_read_from_json_is_the_same_recipe(recipe):
    read = Recipe.model_validate_json(recipe.model_dump_json())
    assert read == recipe
    assert read.digest() == recipe.digest()
    assert Recipe.model_validate(json.loads(json.dumps(recipe.model_dump(mode="json")))) == recipe


def test_a_repeated_step_has_a_key_of_its_own():
    keys = step_keys(REPEATED.steps)
    assert keys == ["normalize", "segment", "minimum_length", "normalize:2", "minimum_length:2", "split"]
    assert [step_of_key(key) for key in keys[2:4]] == [("minimum_length", 1), ("normalize", 2)]


def test_counts_and_drops_of_a_repeated_step_are_kept_apart(source, curated, run):
    texts = ["短い。", "少し長いだけの文です。", sentence(1)]
    result, records, dropped = curated(source("a", pages(*texts, kind="section")), recipe=REPEATED)
    assert texts_of(records) == [sentence(1)]
    assert [(entry["step"], entry["text"]) for entry in dropped] == [
        ("minimum_length", texts[0]),
        ("minimum_length:2", texts[1]),
    ]
    counts = {count.step: (count.units_in, count.dropped) for count in result.kept_and_dropped_by_step}
    assert (counts["minimum_length"], counts["minimum_length:2"]) == ((3, 1), (2, 1))
    report = json.loads((run.output_dir / "report.json").read_text(encoding="utf-8"))
    assert [step["step"] for step in report["steps"]] == step_keys(REPEATED.steps)[:-1]
    assert result.dropped_by_reason == {"too_short": 2}
