"""/v1/evals: the answers of every operation, and what each refuses."""

from __future__ import annotations

import pytest

from curation.models import DatasetVersion
from evaluations.services import evaluation_create
from tests.in_process import api_of
from tests.world import DIGEST, World, finish
from workers.contract.specs.evaluation import EvaluationResult
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, judge
from workers.contract.specs.measurement import Difference, Figure
from workers.contract.specs.tasks.bits_per_character import TextBits, TextItem
from workers.contract.specs.tasks.question_answering import GradedAnswer, QuestionItem

pytestmark = pytest.mark.slow

TEXT, ANSWERS = "bits_per_character", "question_answering"
BITS = {"task": TEXT, "metric": "bits_per_character", "items": 6}
OPEN = {"task": ANSWERS, "metric": "open_book_accuracy", "items": 4}
RESULT = EvaluationResult(
    figures=(
        Figure(candidate=BASE, value=3.5, low=3, high=4, **BITS),
        Figure(candidate=TUNED, value=2.5, low=2, high=3, **BITS),
        Figure(candidate=BASE, value=0.5, low=0.25, high=0.75, **OPEN),
        Figure(candidate=TUNED, value=0.25, low=0, high=0.5, **OPEN),
    ),
    differences=(
        Difference(candidate=TUNED, baseline=BASE, value=-1, low=-1.5, high=-0.5, **BITS),
        Difference(candidate=TUNED, baseline=BASE, value=-0.25, low=-0.5, high=0, **OPEN),
    ),
    records={TEXT: 6, ANSWERS: 4},
    items=2,
    seconds=1.5,
    manifest_sha256=DIGEST,
)
ITEMS = (
    TextItem(
        record_id="t",
        document_name="規程.pdf",
        characters=10,
        results={BASE: TextBits(bits=35.0, tokens=5), TUNED: TextBits(bits=25.0, tokens=5)},
    ),
    QuestionItem(
        record_id="p",
        document_name="規程.pdf",
        book="open",
        question="日当は?",
        reference="2,500円です。",
        accepted=("2,500円",),
        results={BASE: GradedAnswer(text="2,500円", right=True, overlap=0.75)},
    ),
)
RULE = {
    "type": "gate_rule",
    "metric": "open_book_accuracy",
    "direction": "higher",
    "require": "not_worse",
    "min_items": 3,
}


def measured(world: World) -> str:
    """The path of a run that has ended with `RESULT` and `ITEMS`."""
    version = world.model_version()
    evaluation = evaluation_create(
        suite=world.suite(),
        dataset_version=DatasetVersion.objects.get(pk=version.dataset_version_id),
        base_model=version.base_model,
        model_version=version,
        actor=world.actor,
    )
    result = RESULT.model_copy(update={"gate": judge(DEFAULT_GATE, RESULT.differences)})
    finish(evaluation.job, result, {"items.jsonl": "".join(item.model_dump_json() + "\n" for item in ITEMS)})
    return f"evals/{evaluation.suite_id}/runs/{evaluation.id}"


# -- suites -------------------------------------------------------------------------------------------
def test_a_suite_is_answered_as_it_was_sent(api, world):
    sent = {
        "name": "規程の門",
        "testing_criteria": [RULE],
        "tasks": [{"type": "bits_per_character", "max_records": 3}],
        "metadata": {"team": "人事"},
    }
    made = api.post("evals", sent).ok
    assert made["object"] == "eval" and made["id"].startswith("eval_")
    assert {name: made[name] for name in ("name", "testing_criteria", "metadata")} == {
        name: sent[name] for name in ("name", "testing_criteria", "metadata")
    }
    assert made["tasks"] == [{"type": "bits_per_character", "max_records": 3, "window_tokens": 512}]
    assert made["data_source_config"] == {"type": "dataset_version"}
    assert api.get(f"evals/{made['id']}").ok == made
    assert api.post("evals", {name: made[name] for name in sent}).ok["tasks"] == made["tasks"]


def test_suites_are_listed_newest_first(api, world):
    ids = [world.suite().id for _ in range(3)]
    page = api.get("evals", limit=2).ok
    assert ([suite["id"] for suite in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = api.get("evals", after=page["last_id"]).ok
    assert ([suite["id"] for suite in rest["data"]], rest["has_more"]) == (ids[:1], False)


def test_an_absent_suite_is_not_found(api, world):
    for path in ("evals/eval_x", "evals/eval_x/runs"):
        assert api.get(path).error[:2] == (404, "not_found")
    run = {"data_source": {"dataset_version": "dsv_x", "model": "gemma"}}
    assert api.post("evals/eval_x/runs", run).error[:2] == (404, "not_found")


# -- runs ---------------------------------------------------------------------------------------------
def test_a_run_is_started_for_a_version_or_for_a_base_model(api, world):
    version, suite = world.model_version(), world.suite()
    for model in (version.name, version.base_model.name):
        source = {"dataset_version": version.dataset_version_id, "model": model}
        run = api.post(f"evals/{suite.id}/runs", {"data_source": source}).ok
        assert (run["object"], run["status"], run["model"]) == ("eval.run", "queued", model)
        assert run["data_source"] == {"type": "dataset_version", **source}
        assert (run["eval_id"], run["passed"], run["result"]) == (suite.id, None, {})
        assert (run["error"], run["manifest_sha256"]) == (None, None)
    listed = api.get(f"evals/{suite.id}/runs").ok["data"]
    assert [run["model"] for run in listed] == [version.base_model.name, version.name]


def test_an_idempotency_key_makes_one_run_of_one_suite(api, world):
    version, first, second = world.dataset_version(), world.suite(), world.suite()
    world.base_model()
    body = {"data_source": {"dataset_version": version.id, "model": "gemma"}}
    header = {"Idempotency-Key": "k"}
    made = api.post(f"evals/{first.id}/runs", body, headers=header).ok["id"]
    assert api.post(f"evals/{first.id}/runs", body, headers=header).ok["id"] == made
    other = api.post(f"evals/{second.id}/runs", body, headers=header)
    assert other.error == (409, "idempotency_key_reused", "Idempotency-Key")


def test_a_result_puts_the_version_beside_its_base(api, world):
    run = api.get(measured(world)).ok
    assert (run["status"], run["passed"], run["verdict"]) == ("completed", False, "failed")
    result = run["result"]
    bits, accuracy = "bits_per_character", "open_book_accuracy"
    assert result["base"] == {
        bits: {"value": 3.5, "low": 3, "high": 4, "items": 6},
        accuracy: {"value": 0.5, "low": 0.25, "high": 0.75, "items": 4},
    }
    assert result["tuned"][bits] == {"value": 2.5, "low": 2, "high": 3, "items": 6}
    fewer_bits = {"value": -1, "low": -1.5, "high": -0.5, "items": 6}
    assert result["differences"] == {
        bits: fewer_bits,
        accuracy: {"value": -0.25, "low": -0.5, "high": 0, "items": 4},
    }
    assert result["gate"]["passed"] is False
    rule = {"metric": bits, "direction": "lower", "require": "better_beyond_interval", "min_items": 5}
    assert result["gate"]["outcomes"][0] == {
        "rule": rule,
        "passed": True,
        "verdict": "passed",
        "reason": "better_beyond_interval",
        "remedy": None,
        "difference": fewer_bits,
    }
    assert result["gate"]["outcomes"][1]["reason"] == "worse"
    counts = {name: result[name] for name in ("version", "texts", "questions", "items", "seconds")}
    assert counts == {"version": 1, "texts": 6, "questions": 4, "items": 2, "seconds": 1.5}
    assert result.keys() == {*counts, "base", "tuned", "differences", "gate", "manifest_sha256"}
    assert result["manifest_sha256"] == run["manifest_sha256"]


def test_items_put_the_version_beside_its_base(api, world):
    path = f"{measured(world)}/output_items"
    text, answer = api.get(path).ok["data"]
    assert text == {
        "id": "1",
        "object": "eval.run.output_item",
        "line": 1,
        "type": "text",
        "record_id": "t",
        "document_name": "規程.pdf",
        "characters": 10,
        "tokens": 5,
        "base_bits": 35.0,
        "tuned_bits": 25.0,
    }
    assert answer == {
        "id": "2",
        "object": "eval.run.output_item",
        "line": 2,
        "type": "answer",
        "record_id": "p",
        "document_name": "規程.pdf",
        "book": "open",
        "question": "日当は?",
        "reference": "2,500円です。",
        "accepted": ["2,500円"],
        "base": {"text": "2,500円", "right": True, "overlap": 0.75, "cut_off": False},
        "tuned": None,
    }
    first = api.get(path, limit=1).ok
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, 1, 1)
    assert [item["line"] for item in api.get(path, after=1).ok["data"]] == [2]


def test_a_run_has_no_items_before_its_end(api, world):
    version, suite = world.model_version(), world.suite()
    source = {"dataset_version": version.dataset_version_id, "model": version.name}
    run = api.post(f"evals/{suite.id}/runs", {"data_source": source}).ok["id"]
    items = api.get(f"evals/{suite.id}/runs/{run}/output_items")
    assert items.error[:2] == (409, "eval_run_not_finished")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"model": "x"}, (400, "unknown_model", "data_source.model")),
        ({"dataset_version": "dsv_x"}, (404, "not_found", "data_source.dataset_version")),
        ({"type": "file_id"}, (400, "invalid_value", "data_source.type")),
    ],
    ids=str,
)
def test_refuses_a_run_of_what_is_not_there(api, world, change, expected):
    version = world.model_version()
    source = {"dataset_version": version.dataset_version_id, "model": version.name, **change}
    assert api.post(f"evals/{world.suite().id}/runs", {"data_source": source}).error == expected


def test_a_run_is_absent_for_another_suite_and_another_organization(api, world):
    path = measured(world)
    suite, run = path.split("/")[1], path.split("/")[3]
    assert api.get(path).ok["id"] == run
    assert api.get(f"evals/{world.suite().id}/runs/{run}").error[:2] == (404, "not_found")
    with World("other") as other:
        stranger = api_of(other.key())
    for missing in (path, f"{path}/output_items", f"evals/{suite}"):
        assert stranger.get(missing).error[:2] == (404, "not_found")
