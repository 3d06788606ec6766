"""What a step gets beside its units: a log, batches, models, a device; and a new step needs two declarations only."""

from __future__ import annotations

import io
from typing import Literal

import pytest

from tests.engines.curation.documents import pages, sentence
from workers.contract.records import DocumentOrigin, Source
from workers.contract.specs.curation import Recipe
from workers.contract.specs.curation_steps import STEPS, SegmentStep, SplitStep, StepSettings
from workers.engines.curation.step_context import StepContext, StepLog
from workers.engines.curation.steps import registry
from workers.engines.curation.units import Unit
from workers.engines.shared.runtime import RunStopped, UserError

SOURCE = Source(document_id="d", revision_id="r", document_name="規程.pdf", kind="page", number=3)
UNITS = [Unit(DocumentOrigin(source=SOURCE), f"本文{number}。") for number in range(7)]


@pytest.fixture
def log():
    return StepLog("noise:2", {"symbols": "mostly symbols"}, io.StringIO())


def context_of(log: StepLog, **options: object) -> StepContext:
    return StepContext(log, lambda: None, **options)


def test_batches_keep_the_order_and_the_last_one_is_shorter(log):
    batches = list(context_of(log, batch_size=3).batches(iter(UNITS)))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [unit for batch in batches for unit in batch] == UNITS


def test_a_run_stops_between_two_batches(log):
    stops = iter([None, None, RunStopped()])

    def raise_if_stopped() -> None:
        if (stop := next(stops)) is not None:
            raise stop

    batches = StepContext(log, raise_if_stopped, batch_size=2).batches(UNITS)
    assert [next(batches), next(batches)] == [UNITS[:2], UNITS[2:4]]
    with pytest.raises(RunStopped):
        next(batches)


def test_a_model_that_the_job_does_not_name_is_a_user_error(log, tmp_path):
    context = context_of(log, models={"quality": tmp_path})
    assert context.model_folder("quality") == tmp_path
    with pytest.raises(UserError) as caught:
        context.model_folder("toxicity")
    assert (caught.value.code, caught.value.param) == ("user.step_model_missing", "toxicity")


def test_writes_drops_under_the_key_of_the_step(log):
    log.drop(UNITS[0], "symbols", "0.9 > 0.4")
    assert '"step":"noise:2","reason":"symbols"' in log.dropped_file.getvalue()
    assert log.examples == [{"place": "規程.pdf (page 3)", "reason": "symbols", "text": "本文0。"}]
    assert log.count().step == "noise:2"


def test_a_reason_must_be_declared(log):
    with pytest.raises(AssertionError, match="does not declare the reason boring"):
        log.drop(UNITS[0], "boring")


# -- a new step ---------------------------------------------------------------------------------
@pytest.fixture
def quality_step(monkeypatch):
    """A step with a model, declared and implemented here."""
    monkeypatch.setattr("workers.contract.specs.curation_steps.STEPS", known := dict(STEPS))
    monkeypatch.setattr(registry, "_implementations", found := dict(registry.implementations()))
    monkeypatch.setattr(registry, "implementations", lambda: found)
    monkeypatch.setattr("workers.engines.curation.engine.implementations", lambda: found)

    class QualityStep(StepSettings):
        type: Literal["quality"] = "quality"
        label = "Drop poor texts"
        help = "Drop texts that a model finds poor."
        works_on = "units"
        reasons = {"poor": "poor text"}
        model: str
        """The model that scores the texts."""

    @registry.implements(QualityStep)
    def drop_poor_texts(step, units, context):
        banned = (context.model_folder(step.model) / "banned.txt").read_text(encoding="utf-8").split()
        for batch in context.batches(units):
            for unit in batch:
                if any(word in unit.text for word in banned):
                    context.log.drop(unit, "poor", f"batch of {len(batch)} on {context.device}")
                else:
                    yield unit

    assert known["quality"] is QualityStep
    return QualityStep


def test_a_new_step_is_named_in_a_recipe_and_uses_the_models_of_the_job(
    quality_step, source, curated, tmp_path
):
    model = tmp_path / "model"
    model.mkdir()
    (model / "banned.txt").write_text("禁句", encoding="utf-8")
    texts = [f"禁句。{sentence(1)}", sentence(2), sentence(3)]
    steps = [{"type": "segment"}, {"type": "quality", "model": "small"}, {"type": "split"}]
    recipe = Recipe.model_validate({"steps": steps})
    assert isinstance(recipe.steps[1], quality_step)
    result, records, dropped = curated(
        source("a", pages(*texts, kind="section")),
        recipe=recipe,
        models={"small": model},
        batch_size=2,
        device="cuda",
    )
    assert [record["text"] for record in records] == texts[1:]
    assert [(entry["step"], entry["reason"], entry["detail"]) for entry in dropped] == [
        ("quality", "poor", "batch of 2 on cuda")
    ]
    assert result.dropped_by_reason == {"poor": 1}


def test_a_step_without_its_model_fails_the_run(quality_step, source, curated):
    recipe = Recipe(steps=(SegmentStep(), quality_step(model="small"), SplitStep()))
    with pytest.raises(UserError, match="needs a model that the job does not name: small"):
        curated(source("a", pages(sentence(1))), recipe=recipe)
