"""The evaluation engine on tiny random models: figures, artefact, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engines.training.tiny import events, make_model, make_run, pair_record, text_record, write_dataset
from workers.contract.artifacts import ArtifactDamaged, verify_manifest, write_manifest
from workers.contract.records import MessagesRecord
from workers.contract.specs.evaluation import Candidate, EvaluationSpec
from workers.contract.specs.gate import BASE, DEFAULT_GATE, TUNED
from workers.contract.specs.measurement import Bootstrap
from workers.contract.specs.tasks.bits_per_character import BitsPerCharacterSettings
from workers.contract.specs.tasks.declaration import Item, item_from_json
from workers.contract.specs.tasks.question_answering import QuestionAnsweringSettings
from workers.engines.evaluation.figures import compute_figures
from workers.engines.shared.runtime import EngineFault, RunStopped, UserError

pytestmark = pytest.mark.ml

TASKS = (
    BitsPerCharacterSettings(window_tokens=64),
    QuestionAnsweringSettings(max_new_tokens=4, max_passage_tokens=16, batch_size=3),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"))


def make_adapter(base: Path, folder: Path, seed: int) -> Path:
    """A LoRA adapter that changes the logits visibly."""
    import torch
    from peft import LoraConfig, get_peft_model

    from workers.engines.shared.language_models import load_base_model

    model = get_peft_model(
        load_base_model(base, torch.float32),
        LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    write_manifest(folder, "adapter")
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(base, tmp_path_factory.mktemp("adapter"), seed=1)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    heldout = [text_record(n, words=5 + 9 * n, split="heldout") for n in range(6)]
    pairs = [pair_record(n, context=f"期限は{n}日とする。" * 9, split="heldout") for n in range(4)]
    return write_dataset(tmp_path / "dataset", [*heldout, *pairs, text_record(50), pair_record(51)])


def items_of(folder: Path) -> list[Item]:
    lines = (folder / "output" / "items.jsonl").read_text(encoding="utf-8").splitlines()
    return [item_from_json(line) for line in lines]


def base_and(base: Path, **tuned) -> tuple[Candidate, ...]:
    """The base model, and where `tuned` says how it is made, the candidate `tuned`."""
    candidates = (Candidate(name=BASE, model=base),)
    return (*candidates, Candidate(**{"name": TUNED, "model": base, **tuned})) if tuned else candidates


def run_evaluation(folder: Path, **fields):
    from workers.engines.evaluation.engine import evaluate

    spec = EvaluationSpec(**{"tasks": TASKS, **fields})
    return evaluate(make_run(folder), spec)


def test_base_and_adapter_are_measured_on_the_heldout_split(base, adapter, records, tmp_path):
    result = run_evaluation(
        tmp_path / "run",
        candidates=base_and(base, adapter=adapter),
        record_files=(records,),
        gate=DEFAULT_GATE,
    )
    items = items_of(tmp_path / "run")
    assert {item.record_id for item in items} == {*(f"t{n}" for n in range(6)), *(f"p{n}" for n in range(4))}
    assert result.records == {"bits_per_character": 10, "question_answering": 4}
    assert result.items == 18
    assert result.gate is not None
    texts = [item.results for item in items if item.task == "bits_per_character"]
    assert len(texts) == 10 and all(results[BASE].bits != results[TUNED].bits for results in texts)
    last = events(tmp_path / "run", "progress")[-1]
    assert (last["done"], last["seconds_left"]) == (last["total"], 0)


def test_a_sheet_of_questions_alone_is_measured_by_every_rule(base, adapter, tmp_path):
    """No other document: the answers are measured given their question, and asked with their own row."""
    sheet = write_dataset(tmp_path / "sheet", [pair_record(n, split="heldout") for n in range(6)])
    result = run_evaluation(
        tmp_path / "run", candidates=base_and(base, adapter=adapter), record_files=(sheet,), gate=DEFAULT_GATE
    )
    reasons = {outcome.rule.metric: outcome.reason for outcome in result.gate.outcomes}
    assert reasons.keys() == {"bits_per_character", "open_book_accuracy"}
    assert not {"not_measured", "too_few_items"} & set(reasons.values())
    assert [outcome.difference.items for outcome in result.gate.outcomes] == [6, 6]


def test_figures_follow_from_the_items_alone(base, adapter, records, tmp_path):
    result = run_evaluation(
        tmp_path / "run", candidates=base_and(base, adapter=adapter), record_files=(records,)
    )
    figures, differences = compute_figures(items_of(tmp_path / "run"), [(TUNED, BASE)], Bootstrap())
    assert (tuple(figures), tuple(differences)) == (result.figures, result.differences)
    assert len(figures) == 2 * len(differences) == 6
    facts = verify_manifest(tmp_path / "run" / "output", result.manifest_sha256)["facts"]
    assert facts["figures"] == [json.loads(figure.model_dump_json()) for figure in figures]
    assert facts["candidates"] == {BASE: None, TUNED: None}


def test_an_adapter_leaves_its_base_model_as_it_is(base, adapter, records, tmp_path):
    run_evaluation(tmp_path / "with", candidates=base_and(base, adapter=adapter), record_files=(records,))
    run_evaluation(tmp_path / "without", candidates=base_and(base), record_files=(records,))
    for beside, alone in zip(items_of(tmp_path / "with"), items_of(tmp_path / "without"), strict=True):
        if beside.task == "bits_per_character":
            assert beside.results[BASE].bits == pytest.approx(alone.results[BASE].bits, rel=1e-5)
        else:
            assert beside.results[BASE] == alone.results[BASE]


def test_measures_many_candidates_as_it_measures_each_alone(base, adapter, records, tmp_path):
    """Two adapters of one base model and another model beside it."""
    second = make_adapter(base, tmp_path / "adapter2", seed=2)
    other = make_model(tmp_path / "model2", "gemma3")
    kinds = {"first": {"adapter": adapter}, "second": {"adapter": second}, "other": {"model": other}}
    many = [Candidate(**{"name": name, "model": base, **made}) for name, made in kinds.items()]
    result = run_evaluation(tmp_path / "many", candidates=(*base_and(base), *many), record_files=(records,))
    pairs = {(each.candidate, each.baseline) for each in result.differences}
    assert pairs == {(name, BASE) for name in kinds}
    for name, made in kinds.items():
        run_evaluation(tmp_path / name, candidates=base_and(base, **made), record_files=(records,))
        together = {
            (item.record_id, item.model_dump().get("book")): item for item in items_of(tmp_path / "many")
        }
        for alone in items_of(tmp_path / name):
            beside = together[alone.record_id, alone.model_dump().get("book")]
            assert beside.results[name] == alone.results[TUNED]


def test_a_fully_trained_model_is_measured_beside_its_base(base, records, tmp_path):
    tuned = make_model(tmp_path / "tuned", "gemma3")
    sha256 = write_manifest(tuned, "model")
    result = run_evaluation(
        tmp_path / "run",
        candidates=base_and(base, model=tuned, manifest_sha256=sha256),
        record_files=(records,),
    )
    first, second = (each.value for each in result.figures if each.metric == "bits_per_character")
    assert first != second


def test_a_gate_compares_the_candidate_and_the_baseline_that_it_names(base, adapter, records, tmp_path):
    given = {"candidates": base_and(base, adapter=adapter), "record_files": (records,)}
    turned = DEFAULT_GATE.model_copy(update={"candidate": BASE, "baseline": TUNED})
    result = run_evaluation(tmp_path / "turned", gate=turned, **given)
    tuned_minus_base, base_minus_tuned = (
        each.value for each in result.differences if each.metric == "bits_per_character"
    )
    assert base_minus_tuned == -tuned_minus_base
    assert result.gate.outcomes[0].difference.value == base_minus_tuned
    absent = DEFAULT_GATE.model_copy(update={"candidate": "another"})
    assert run_evaluation(tmp_path / "absent", gate=absent, **given).gate is None


def test_a_system_prompt_changes_the_answers_and_not_the_likelihood(base, records, tmp_path):
    result = run_evaluation(
        tmp_path / "run",
        candidates=base_and(base, system_prompt="期限は必ず部門の上長が承認する。"),
        record_files=(records,),
    )
    by_metric = {each.metric: each.value for each in result.differences}
    assert by_metric["bits_per_character"] == 0
    answers = [item.results for item in items_of(tmp_path / "run") if item.task == "question_answering"]
    assert any(results[BASE].text != results[TUNED].text for results in answers)


def test_a_likelihood_is_that_of_the_plain_forward_pass(base):
    import torch

    from workers.engines.evaluation.language_model import likelihood
    from workers.engines.shared.language_models import load_base_model

    model = load_base_model(base, torch.float32)
    ids = [256, *range(60, 200)]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        expected = [logits[n, token].item() for n, token in enumerate(ids[1:])]
        whole = likelihood(model, ids, 1, window_tokens=512)
        assert (whole.log_likelihood, whole.tokens) == (pytest.approx(sum(expected), rel=1e-5), 140)
        end = likelihood(model, ids, 101, window_tokens=512)
        assert (end.log_likelihood, end.tokens) == (pytest.approx(sum(expected[100:]), rel=1e-5), 40)
        greedy = [*ids[:9], int(model(torch.tensor([ids[:9]])).logits[0, -1].argmax())]
        assert likelihood(model, greedy, 9, window_tokens=512).is_greedy and not end.is_greedy


@pytest.mark.parametrize("first", [1, 40])
@pytest.mark.parametrize("length", [41, 63, 64, 65, 96, 97, 500])
def test_every_token_is_counted_once_with_half_a_window_before_it(first, length):
    from workers.engines.evaluation.language_model import windows

    counted = []
    for start, end, begin in windows(first, length, 64):
        assert end - start <= 64
        assert begin - start >= min(begin, 32)
        counted += range(begin, end)
    assert counted == list(range(first, length))


def test_a_continuation_is_encoded_together_with_its_context(base):
    from workers.engines.evaluation.language_model import encode_pair
    from workers.engines.shared.language_models import encode, load_tokenizer

    tokenizer = load_tokenizer(base)
    ids, first = encode_pair(tokenizer, "A: ", "yes")
    assert tokenizer.decode(ids[first:]) == " yes" and ids == encode(tokenizer, "A: yes")
    ids, first = encode_pair(tokenizer, "", "yes")
    assert (ids[0], first) == (tokenizer.bos_token_id, 1)


def test_an_answer_ends_at_its_first_stop_string():
    from workers.engines.evaluation.language_model import text_until

    assert text_until("\n 10日です。\nまた", ["\n"]) == "10日です。"
    assert text_until("10日です", ["\n"]) is None
    assert text_until("\n\n", ["\n"]) is None
    assert text_until("10日。質問", ["\n", "質問", "。"]) == "10日"


def test_a_conversation_asks_for_its_last_answer(base, tmp_path):
    turns = [("user", "期限は?"), ("assistant", "3日"), ("user", "本当に?"), ("assistant", "はい")]
    record = MessagesRecord(
        id="m", origin=text_record(0).origin, split="heldout",
        messages=tuple({"role": role, "content": content} for role, content in turns),
    )  # fmt: skip
    path = write_dataset(tmp_path / "dataset", [record])
    run_evaluation(tmp_path / "run", candidates=base_and(base), record_files=(path,))
    (item,) = items_of(tmp_path / "run")
    assert (item.question, item.reference, item.book) == ("本当に?", "はい", "closed")


def test_the_same_records_are_chosen_whatever_their_order():
    from workers.engines.evaluation.tasks.task import choose

    texts = [text_record(n) for n in range(20)]
    chosen = choose(texts, 5, seed=0)
    assert chosen == choose(texts[::-1], 5, seed=0)
    assert chosen != choose(texts, 5, seed=1)


def test_reports_missing_heldout_data_as_user_error(base, tmp_path):
    path = write_dataset(tmp_path / "dataset", [text_record(1), pair_record(2)])
    with pytest.raises(UserError) as caught:
        run_evaluation(tmp_path / "run", candidates=base_and(base), record_files=(path,))
    assert caught.value.code == "user.no_heldout_data"


def test_a_broken_line_is_named(base, records, tmp_path):
    records.write_text(records.read_text() + "{\n")
    write_manifest(records.parent, "dataset")
    with pytest.raises(UserError) as caught:
        run_evaluation(tmp_path / "run", candidates=base_and(base), record_files=(records,))
    assert (caught.value.code, caught.value.param) == ("user.broken_record", "records.jsonl:13")


def test_refuses_damaged_dataset(base, records, tmp_path):
    records.write_bytes(records.read_bytes().replace("期限は1日".encode(), "期限は9日".encode()))
    with pytest.raises(EngineFault) as caught:
        run_evaluation(tmp_path / "run", candidates=base_and(base), record_files=(records,))
    assert (caught.value.code, caught.value.param) == ("system.artifact_damaged", "record_files")


def test_a_damaged_adapter_is_refused(base, adapter, records, tmp_path):
    with pytest.raises(EngineFault) as caught:
        run_evaluation(
            tmp_path / "run",
            candidates=base_and(base, adapter=adapter, manifest_sha256="0" * 64),
            record_files=(records,),
        )
    assert (caught.value.code, caught.value.param) == ("system.artifact_damaged", "adapter")


def test_another_model_than_the_named_one_is_refused(base, records, tmp_path):
    tuned = make_model(tmp_path / "tuned")
    write_manifest(tuned, "model")
    with pytest.raises(EngineFault) as caught:
        run_evaluation(
            tmp_path / "run",
            candidates=base_and(base, model=tuned, manifest_sha256="0" * 64),
            record_files=(records,),
        )
    assert (caught.value.code, caught.value.param) == ("system.artifact_damaged", "model")


def test_a_question_that_does_not_fit_the_context_is_refused(base, tmp_path):
    path = write_dataset(tmp_path / "dataset", [pair_record(1, context="期限" * 400, split="heldout")])
    task = QuestionAnsweringSettings(max_new_tokens=4, max_passage_tokens=2000)
    with pytest.raises(UserError) as caught:
        run_evaluation(tmp_path / "run", candidates=base_and(base), record_files=(path,), tasks=(task,))
    assert (caught.value.code, caught.value.param) == (
        "user.context_too_long",
        "tasks.question_answering.max_passage_tokens",
    )


def test_stopped_run_writes_no_artifact(base, records, tmp_path):
    from workers.engines.evaluation.engine import evaluate

    run = make_run(tmp_path / "run")
    run.request_stop()
    with pytest.raises(RunStopped):
        evaluate(run, EvaluationSpec(candidates=base_and(base), record_files=(records,), tasks=TASKS))
    with pytest.raises(ArtifactDamaged):
        verify_manifest(run.output_dir)
