"""A candidate with an index answers questions with what the index finds, as in chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.retrieval.tiny import make_embedding_model
from tests.engines.retrieval.tiny import make_run as make_retrieval_run
from tests.engines.training.tiny import ORIGIN, make_model, make_run, pair_record, text_record, write_dataset
from workers.contract.artifacts import write_manifest
from workers.contract.records import MessagesRecord, Page
from workers.contract.specs.evaluation import Candidate, CandidateIndex, EvaluationSpec
from workers.contract.specs.retrieval import RetrievalSource, RetrievalSpec
from workers.contract.specs.tasks.bits_per_character import BitsPerCharacterSettings
from workers.contract.specs.tasks.declaration import item_from_json
from workers.contract.specs.tasks.question_answering import QuestionAnsweringSettings
from workers.engines.shared.runtime import EngineFault, UserError

pytestmark = pytest.mark.ml

RULES = "第1条（休暇）\n有給休暇は年10日とする。\n第2条（旅費）\n出張の日当は2,500円とする。\n第3条（当番）\n当番は090-1234-5678とする。"
TALK = MessagesRecord(
    id="m",
    origin=ORIGIN,
    split="heldout",
    messages=(
        {"role": "user", "content": "こんにちは"},
        {"role": "assistant", "content": "はい"},
        {"role": "user", "content": "出張の日当は?"},
        {"role": "assistant", "content": "2,500円です。"},
    ),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> CandidateIndex:
    """Two articles that the group `staff` may read."""
    from workers.engines.retrieval.engine import build_index

    folder = tmp_path_factory.mktemp("index")
    pages = folder / "pages" / "pages.jsonl"
    pages.parent.mkdir()
    pages.write_text(Page(kind="page", number=1, text=RULES).model_dump_json() + "\n", encoding="utf-8")
    write_manifest(pages.parent, "pages")
    source = RetrievalSource(
        document_id="d", revision_id="r", document_name="規程", pages_path=pages, groups=("staff",)
    )
    model = make_embedding_model(folder / "embedding")
    run = make_retrieval_run(folder / "run")
    build_index(run, RetrievalSpec(sources=(source,), embedding_model=model))
    return CandidateIndex(folder=run.output_dir, embedding_model=model, groups=("staff",), passages=1)


def prompts(base: Path, candidate: Candidate, *records) -> dict[tuple[str, str], str]:
    """By record and book: what the candidate is asked."""
    import torch

    from workers.engines.evaluation.candidates import load_candidates
    from workers.engines.evaluation.tasks.question_answering import QuestionAnswering

    (loaded,) = load_candidates([candidate], torch.float32, "cpu")
    task = QuestionAnswering(QuestionAnsweringSettings())
    return {
        (case.item.record_id, case.item.book): task.requests(case, loaded)[0].prompt
        for case in task.items(records, seed=0)
    }


def test_a_question_without_its_passage_gets_what_the_index_finds(base, index):
    pair = pair_record(1, context="期限は1日とする。").model_copy(update={"question": "有給休暇は何日?"})
    plain = prompts(base, Candidate(name="base", model=base), pair, TALK)
    found = prompts(base, Candidate(name="base", model=base, index=index), pair, TALK)
    assert found["p1", "open"] == plain["p1", "open"] and "期限は1日とする。" in plain["p1", "open"]
    assert "年10日とする" in found["p1", "closed"] and "2,500円" not in found["p1", "closed"]
    assert "年10日とする" not in plain["p1", "closed"]
    # Of a conversation it is the last question that is searched for and asked with its passages.
    before, asked = found["m", "closed"].split("回答:はい")
    assert "こんにちは" in before and "資料" not in before
    assert "出張の日当は2,500円とする" in asked


def test_finds_only_passages_that_the_groups_may_read(base, index):
    other = index.model_copy(update={"groups": ("board",)})
    removed = index.model_copy(update={"excluded_document_ids": ("d",)})
    for restricted in (other, removed):
        found = prompts(base, Candidate(name="base", model=base, index=restricted), TALK)
        assert "(資料なし)" in found["m", "closed"] and "2,500円とする" not in found["m", "closed"]


def test_a_candidate_is_asked_with_passages_as_its_index_says(base, index):
    pair = pair_record(1).model_copy(update={"question": "当番の090-1234-5678は?"})
    for mode, passage in (("raw", "当番は090-1234-5678とする。"), ("masked", "当番は〔電話番号〕とする。")):
        shown = index.model_copy(update={"personal_data": mode})
        found = prompts(base, Candidate(name="base", model=base, index=shown), pair)
        assert passage in found["p1", "closed"], mode


def test_an_index_is_measured_beside_the_same_model_without_one(base, index, tmp_path):
    from workers.engines.evaluation.engine import evaluate

    pairs = [pair_record(n, context=f"期限は{n}日とする。", split="heldout") for n in range(3)]
    records = write_dataset(tmp_path / "dataset", [*pairs, text_record(1, split="heldout")])
    spec = EvaluationSpec(
        candidates=(Candidate(name="base", model=base), Candidate(name="found", model=base, index=index)),
        record_files=(records,),
        # Alone in its batch, a prompt is padded alike for both.
        tasks=(BitsPerCharacterSettings(), QuestionAnsweringSettings(batch_size=1, max_new_tokens=8)),
    )
    result = evaluate(make_run(tmp_path / "run"), spec)
    lines = (tmp_path / "run" / "output" / "items.jsonl").read_text(encoding="utf-8").splitlines()
    items = [item.model_dump() for item in map(item_from_json, lines)]
    same = [
        item["results"]["base"] == item["results"]["found"] for item in items if item.get("book") != "closed"
    ]
    assert len(same) == 7 and all(same)
    closed = [item["results"] for item in items if item.get("book") == "closed"]
    assert any(results["base"]["text"] != results["found"]["text"] for results in closed)
    assert {each.metric: each.value for each in result.differences}["open_book_accuracy"] == 0


def test_refuses_another_index_than_the_named_one(base, index):
    wrong = index.model_copy(update={"manifest_sha256": "0" * 64})
    with pytest.raises(EngineFault) as caught:
        prompts(base, Candidate(name="base", model=base, index=wrong), TALK)
    assert (caught.value.code, caught.value.param) == ("system.artifact_damaged", "index")


def test_refuses_another_embedding_model_than_that_of_the_index(base, index, tmp_path):
    wrong = index.model_copy(update={"embedding_model": base})
    with pytest.raises(UserError) as caught:
        prompts(base, Candidate(name="base", model=base, index=wrong), TALK)
    assert (caught.value.code, caught.value.param) == (
        "user.embedding_model_mismatch",
        "index.embedding_model",
    )
