"""From documents to a cited answer and a scheduled retraining, through the stock `openai` client, on SmolLM2."""

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import pytest
from openai.types import FileObject

from demo.client import Json, wait_until
from tests.end_to_end.invented_company import Company, Fact, conversations
from tests.installation import CAUSAL, EMBEDDING, TINY, Member
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED, judge
from workers.contract.specs.measurement import Bootstrap
from workers.contract.specs.tasks.bits_per_character import TextBits, TextItem
from workers.contract.specs.tasks.declaration import Item
from workers.contract.specs.tasks.question_answering import QuestionItem
from workers.engines.evaluation.figures import compute_figures

pytestmark = [pytest.mark.services, pytest.mark.ml, pytest.mark.timeout(1800)]

ALIAS = "production"
STEPS = 6
JOB_SECONDS = 600
SMALL: Json = {"sequence_length": 128, "tokens_per_step": 128, "lora_rank": 8, "epochs": 1}
TASKS = [
    {"type": "bits_per_character", "max_records": 3, "window_tokens": 256},
    {"type": "question_answering", "max_questions": 3, "max_new_tokens": 8, "max_passage_tokens": 128},
]


# -- what each stage leaves for the next ------------------------------------------------------------
@pytest.fixture(scope="module")
def facts(company: Company) -> list[Fact]:
    return [company.fact() for _ in range(18)]


@pytest.fixture(scope="module")
def paths(company: Company, facts: list[Fact], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("documents")
    return {
        "regulation": company.regulation(folder, facts[:6]),
        "notice": company.notice(folder),
        "guide": company.guide(folder, facts[6:12]),
        "manual": company.manual(folder, facts[12:]),
        "faq": company.faq(folder, facts),
        "circular": company.circular(folder),
    }


@pytest.fixture(scope="module")
def files(owner: Member, paths: dict[str, Path]) -> dict[str, FileObject]:
    sent = {kind: owner.openai.files.create(file=path, purpose="user_data") for kind, path in paths.items()}
    return {kind: processed(owner, file) for kind, file in sent.items()}


def processed(owner: Member, file: FileObject) -> FileObject:
    return owner.openai.files.wait_for_processing(file.id, poll_interval=0.2, max_wait_seconds=180)


@pytest.fixture(scope="module")
def store(owner: Member, files: dict[str, FileObject]) -> Any:
    made = owner.openai.vector_stores.create(name="search", file_ids=[file.id for file in files.values()])
    return wait_until(
        lambda: owner.openai.vector_stores.retrieve(made.id), lambda store: store.status == "completed"
    )


@pytest.fixture(scope="module")
def version(owner: Member, files: dict[str, FileObject]) -> Json:
    dataset = owner.api.post("/datasets", {"name": "documents"}).ok
    path = f"/datasets/{dataset['id']}/versions"
    # Every document: one that is made from named documents would not take new ones in the schedule.
    made = owner.api.post(path).ok
    owner.api.wait_for_job(made["job"], seconds=JOB_SECONDS)
    return owner.api.get(f"{path}/{made['id']}").ok


def train(owner: Member, training_file: str, *, model: str = CAUSAL, **more: Any) -> Any:
    """Start continued pre-training, which the stock client knows only as a body of its own."""
    hyperparameters = {**SMALL, **more.pop("hyperparameters", {})}
    method = {"type": "continued_pretraining", "continued_pretraining": {"hyperparameters": hyperparameters}}
    return owner.openai.fine_tuning.jobs.create(
        model=model, training_file=training_file, extra_body={"method": method, **more}
    )


def trained(owner: Member, run: Any) -> Any:
    owner.api.wait_for_job(run.kosha["job"], seconds=JOB_SECONDS)
    return owner.openai.fine_tuning.jobs.retrieve(run.id)


@pytest.fixture(scope="module")
def run(owner: Member, version: Json) -> Any:
    steps = {"max_steps": STEPS, "learning_rate": 1e-3}
    options: Json = {"suffix": "handbook", "checkpoint": {"every_steps": 3}, "hyperparameters": steps}
    return trained(owner, train(owner, version["id"], **options))


@pytest.fixture(scope="module")
def suite(owner: Member) -> Any:
    """A small one, and the one that releases must pass."""
    made = owner.openai.evals.create(
        name="gate",
        data_source_config={"type": "dataset_version"},  # type: ignore[arg-type]
        testing_criteria=[],
        extra_body={"tasks": TASKS},
    )
    owner.api.post("/release_policy", {"eval": made.id}).check()
    return made


@pytest.fixture(scope="module")
def evaluation(owner: Member, suite: Any, run: Any, version: Json) -> Any:
    source = {"type": "dataset_version", "dataset_version": version["id"], "model": run.fine_tuned_model}
    made = owner.openai.evals.runs.create(suite.id, data_source=source)  # type: ignore[arg-type]
    owner.api.wait_for_job(made.job, seconds=JOB_SECONDS)  # type: ignore[attr-defined]
    return owner.openai.evals.runs.retrieve(made.id, eval_id=suite.id)


@pytest.fixture(scope="module")
def published(owner: Member, reviewer: Member, run: Any, evaluation: Any, store: Any) -> Json:
    """Release 1: the tuned model if it passed its gate, else the base model; with the index."""
    model = run.fine_tuned_model if evaluation.passed else CAUSAL
    return publish(owner, reviewer, {"model": model, "vector_store": store.id})


def publish(owner: Member, reviewer: Member, what: Json) -> Json:
    release = owner.api.post("/releases", {"generation": {"max_tokens": 24, "passages": 2}, **what}).ok
    assert release["status"] == "candidate"
    reviewer.api.post(f"/releases/{release['id']}/approve", {"comment": "ok"}).check()
    deployment = owner.api.post(f"/releases/{release['id']}/publish", {"alias": ALIAS}).ok
    assert deployment["release"] == release["id"]
    return owner.api.get(f"/releases/{release['id']}").ok


# -- documents ----------------------------------------------------------------------------------------
def test_reads_every_document_as_it_was_written(owner, files, paths, facts):
    for kind, part in (("regulation", facts[:6]), ("guide", facts[6:12]), ("manual", facts[12:])):
        text = "".join(page["text"] for page in owner.api.get(f"/files/{files[kind].id}/pages").ok["data"])
        assert [fact.sentence for fact in part if fact.sentence not in text] == []
    (sheet,) = owner.api.get(f"/files/{files['faq'].id}/pages").ok["data"]
    assert sheet["kind"] == "sheet"
    assert [fact.question for fact in facts if fact.question not in sheet["text"]] == []
    assert owner.openai.files.content(files["manual"].id).read() == paths["manual"].read_bytes()
    assert {file.id for file in owner.openai.files.list()} >= {file.id for file in files.values()}


def test_dataset_version_keeps_facts_and_masks_personal_data(owner, version, company, facts):
    counts = version["counts"]
    assert counts["pairs"] == len(facts)
    assert counts["heldout_records"] > 0 and counts["heldout_pairs"] > 0
    assert counts["masked"]["email"] == 1
    path = f"/datasets/{version['dataset']}/versions/{version['id']}"
    kept, dropped = list(owner.api.every(f"{path}/records")), list(owner.api.every(f"{path}/dropped"))
    assert company.email not in str(kept) + str(dropped)
    # An article's number and title are a fact of their own: one copy outside the article stays as well.
    assert sum(company.copied in record.get("text", "") for record in kept) == 2
    assert sum(company.copied in record.get("text", "") for record in dropped) == 1
    accepted = {answer for record in kept if record["type"] == "pair" for answer in record["accepted"]}
    assert accepted == {fact.answer for fact in facts}


# -- training -----------------------------------------------------------------------------------------
def test_training_reports_its_steps_and_registers_a_model(owner, run):
    assert run.status == "succeeded"
    assert run.fine_tuned_model.startswith(f"ft:{CAUSAL}:test-pipeline:handbook:")
    assert owner.openai.models.retrieve(run.fine_tuned_model).id == run.fine_tuned_model
    assert run.kosha["result"]["steps"] == STEPS
    assert run.trained_tokens == run.kosha["result"]["tokens"] > STEPS * 64
    events = list(owner.openai.fine_tuning.jobs.list_events(run.id, limit=5))  # several pages
    assert len({event.id for event in events}) == len(events) > 5
    points = [event.data["values"] for event in events if event.type == "metrics"]
    assert points and all(point["loss"] > 0 and point["tokens_per_second"] > 0 for point in points)
    checkpoints = list(owner.openai.fine_tuning.jobs.checkpoints.list(run.id))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [6, 3]


def test_training_pauses_resumes_and_is_cancelled(owner, version):
    options: Json = {"checkpoint": {"every_steps": 1_000_000}, "hyperparameters": {"epochs": 100}}
    started = train(owner, version["id"], model=TINY, **options)
    jobs = owner.openai.fine_tuning.jobs

    def steps(attempt: int) -> list[int]:
        events = owner.api.get(f"/jobs/{started.kosha['job']}/events", limit=100).ok["data"]
        return [
            event["data"]["step"]
            for event in events
            if event["type"] == "metrics" and event["attempt"] == attempt
        ]

    wait_until(lambda: steps(1), bool)
    jobs.pause(started.id)
    wait_until(lambda: jobs.retrieve(started.id), lambda run: run.status == "paused")
    (checkpoint,) = jobs.checkpoints.list(started.id)
    assert checkpoint.step_number >= 1
    jobs.resume(started.id)
    resumed = wait_until(lambda: steps(2), bool)
    assert min(resumed) > checkpoint.step_number
    jobs.cancel(started.id)
    cancelled = wait_until(lambda: jobs.retrieve(started.id), lambda run: run.status == "cancelled")
    assert cancelled.fine_tuned_model is None


def test_trains_on_conversations_uploaded_in_parts(owner, facts):
    content = conversations(facts)
    upload = owner.openai.uploads.upload_file_chunked(
        file=content, filename="pairs.jsonl", bytes=len(content), mime_type="application/jsonl",
        purpose="fine-tune", part_size=len(content) // 2,
    )  # fmt: skip
    assert upload.status == "completed" and upload.file is not None
    file = processed(owner, upload.file)
    assert file.revision["records"] == len(facts)
    hyperparameters: Json = {**SMALL, "sequence_length": 512, "tokens_per_step": 512, "max_steps": 2}
    run = owner.openai.fine_tuning.jobs.create(
        model=TINY,
        training_file=file.id,
        suffix="talks",
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": hyperparameters},  # type: ignore[typeddict-item]
        },
    )
    assert trained(owner, run).fine_tuned_model.startswith(f"ft:{TINY}:test-pipeline:talks:")


def test_exports_an_adapter(owner, run):
    export = owner.api.post(f"/models/{run.fine_tuned_model}/exports", {"format": "adapter"}).ok
    owner.api.wait_for_job(export["job"], seconds=JOB_SECONDS)
    (found,) = owner.api.get(f"/models/{run.fine_tuned_model}/exports").ok["data"]
    assert (Path(found["path"]) / "model" / "adapter_model.safetensors").stat().st_size <= found["bytes"]


# -- evaluation ---------------------------------------------------------------------------------------
def test_figures_and_verdict_follow_from_the_items(owner, suite, evaluation):
    found = list(owner.openai.evals.runs.output_items.list(evaluation.id, eval_id=suite.id, limit=3))
    items = [evaluation_item(item.model_extra) for item in found]
    assert len(items) == evaluation.result["items"] > 3
    figures, differences = compute_figures(items, [(TUNED, BASE)], Bootstrap())
    assert by_metric(figures, BASE) == evaluation.result["base"]
    assert by_metric(figures, TUNED) == evaluation.result["tuned"]
    assert by_metric(differences, TUNED) == evaluation.result["differences"]
    assert evaluation.result["differences"]["bits_per_character"]["value"] != 0
    verdict = judge(DEFAULT_GATE, differences)
    assert evaluation.verdict == verdict.verdict == evaluation.result["gate"]["verdict"]
    assert evaluation.passed is evaluation.result["gate"]["passed"] is (verdict.verdict == "passed")
    reasons = [outcome["reason"] for outcome in evaluation.result["gate"]["outcomes"]]
    assert reasons == [outcome.reason for outcome in verdict.outcomes]


def evaluation_item(body: Json) -> Item:
    """The item that the API wrote as `body`."""
    common = {name: body[name] for name in ("record_id", "document_name")}
    if body["type"] == "text":
        results = {name: TextBits(bits=body[f"{name}_bits"], tokens=body["tokens"]) for name in (BASE, TUNED)}
        return TextItem(**common, characters=body["characters"], results=results)
    question = {name: body[name] for name in ("book", "question", "reference", "accepted")}
    return QuestionItem(**common, **question, results={name: body[name] for name in (BASE, TUNED)})


def by_metric(estimates: list[Any], candidate: str) -> Json:
    return {
        each.metric: each.model_dump(include={"value", "low", "high", "items"})
        for each in estimates
        if each.candidate == candidate
    }


# -- search -------------------------------------------------------------------------------------------
def test_search_finds_the_document_that_answers_a_question(owner, files, store, facts):
    assert store.file_counts.completed == len(files)
    for fact, kind in ((facts[0], "regulation"), (facts[6], "guide"), (facts[12], "manual")):
        hits = owner.openai.vector_stores.search(store.id, query=fact.question, max_num_results=10).data
        found = [(hit.file_id, fact.sentence in hit.content[0].text) for hit in hits]
        # The FAQ sheet has the question word for word and comes first; it may ask the same of other things.
        assert found[0] == (files["faq"].id, True)
        assert (files[kind].id, True) in found


def test_embeds_texts(owner, facts):
    texts = [facts[0].question, facts[0].sentence, facts[1].sentence]
    own, near, far = (
        item.embedding for item in owner.openai.embeddings.create(model=EMBEDDING, input=texts).data
    )
    assert product(own, own) == pytest.approx(1, abs=1e-3)
    assert product(own, near) > product(own, far)
    packed = (
        owner.openai.embeddings.create(model=EMBEDDING, input=texts[0], encoding_format="base64")
        .data[0]
        .embedding
    )
    assert struct.unpack(f"<{len(own)}f", base64.b64decode(packed)) == pytest.approx(own, abs=1e-6)


def product(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


# -- release and chat ---------------------------------------------------------------------------------
def test_release_needs_a_passed_gate_and_a_second_person(owner, run, evaluation, store):
    if not evaluation.passed:
        refused = owner.api.post("/releases", {"model": run.fine_tuned_model})
        code = {"failed": "gate_failed", "inconclusive": "gate_inconclusive"}[evaluation.verdict]
        assert refused.error[:2] == (409, code)
    release = owner.api.post("/releases", {"model": CAUSAL, "vector_store": store.id}).ok
    assert owner.api.post(f"/releases/{release['id']}/approve").status == 403
    unapproved = owner.api.post(f"/releases/{release['id']}/publish", {"alias": ALIAS})
    assert unapproved.error[:2] == (409, "release_not_approved")


def test_published_release_streams_a_cited_answer(owner, published, files, facts):
    chunks = list(ask(owner, facts[0], stream=True, stream_options={"include_usage": True}))
    *pieces, usage = chunks
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text and len(pieces) > 2
    assert usage.choices == [] and 0 < usage.usage.completion_tokens <= 24
    annotations = pieces[-1].choices[0].delta.annotations
    assert annotations
    assert pieces[-1].choices[0].finish_reason in ("stop", "length")
    for annotation in annotations:
        check_citation(owner, annotation["file_citation"], files)
    whole = ask(owner, facts[0])
    assert whole.usage == usage.usage
    assert whole.choices[0].message.content == text
    cited = [annotation.model_dump(exclude_unset=True) for annotation in whole.choices[0].message.annotations]
    assert cited == annotations


def ask(owner: Member, fact: Fact, **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": fact.question}]
    return owner.openai.chat.completions.create(model=ALIAS, messages=messages, temperature=0, **options)


def check_citation(owner: Member, citation: Json, files: dict[str, FileObject]) -> None:
    """The quote stands in the named file on the named page."""
    assert citation["filename"] in {file.filename for file in files.values()}
    pages = owner.api.get(f"/files/{citation['file_id']}/pages").ok["data"]
    (page,) = [page for page in pages if page["number"] == citation["page"]]
    # A row of a sheet is quoted with its column's title: `回答: …`.
    quote = citation["quote"].partition(": ")[2] if page["kind"] == "sheet" else citation["quote"]
    assert quote and quote in page["text"]


def test_plain_model_answers_without_citations(owner, run, facts):
    messages: Any = [{"role": "user", "content": facts[0].question}]
    for model in (CAUSAL, run.fine_tuned_model):
        answer = owner.openai.chat.completions.create(model=model, messages=messages, max_tokens=4)
        assert answer.model == model and answer.choices[0].message.content
        assert not answer.choices[0].message.annotations


def test_rollback_serves_the_previous_release(owner, reviewer, published, store):
    second = publish(owner, reviewer, {"model": CAUSAL, "vector_store": store.id, "note": "second"})
    assert owner.api.get(f"/deployments/{ALIAS}").ok["release"] == second["id"]
    assert owner.api.post(f"/deployments/{ALIAS}/rollback").ok["release"] == published["id"]
    actions = [change["action"] for change in owner.api.get(f"/deployments/{ALIAS}").ok["history"]]
    assert actions == ["rollback", "publish", "publish"]


# -- the schedule -------------------------------------------------------------------------------------
def test_schedule_retrains_on_new_documents(
    owner, published, company, version, run, suite, store, tmp_path_factory
):
    news = [company.fact() for _ in range(3)]
    path = company.guide(tmp_path_factory.mktemp("news"), news)
    new = processed(owner, owner.openai.files.create(file=path, purpose="user_data"))
    schedule = owner.api.post("/schedules",
        {
            "name": "weekly", "cadence": "weekly", "weekday": 6, "hour": 2, "dataset": version["dataset"],
            "base_model": CAUSAL, "eval": suite.id, "vector_store": store.id, "alias": ALIAS, "suffix": "handbook",
            "hyperparameters": {**SMALL, "max_steps": 2},
        }).ok  # fmt: skip
    fired = owner.api.post(f"/schedules/{schedule['id']}/fire").ok
    look = f"/schedules/{schedule['id']}/runs/{fired['id']}"
    ended = wait_until(lambda: owner.api.get(look).ok, lambda run: run["ended_at"] is not None)
    assert (ended["stage"], ended["error"]) == ("done", None)

    again = owner.openai.fine_tuning.jobs.retrieve(ended["fine_tuning_job"])
    assert again.model == run.fine_tuned_model  # continues from it
    verdict = owner.api.get(f"/evals/{suite.id}/runs/{ended['eval_run']}").ok
    release = owner.api.get(f"/releases/{ended['release']}").ok
    assert release["status"] == "candidate"
    assert release["model"] == (again.fine_tuned_model if verdict["passed"] else published["model"])
    assert owner.api.get(f"/deployments/{ALIAS}").ok["release"] == published["id"]

    hits = owner.openai.vector_stores.search(store.id, query=news[0].question, max_num_results=10).data
    assert any(hit.file_id == new.id and news[0].sentence in hit.content[0].text for hit in hits)


def test_audit_trail_has_no_gap_and_names_every_change(owner, published):
    """The organization's chain of audit events has no gap and names what was done here."""
    events = list(owner.api.every("/audit_events"))
    assert sorted(event["sequence"] for event in events) == list(range(1, len(events) + 1))
    done = {(event["action"], event["target"]["id"]) for event in events}
    assert {(f"release.{what}", published["id"]) for what in ("created", "approved", "published")} <= done
