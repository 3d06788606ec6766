"""The evaluate engine on tiny random models: figures, artefact, errors."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.engines.training.tiny import events, make_model, make_run, pair_record, text_record, write_dataset
from workers.contract.artifacts import ArtifactDamaged, verify_manifest, write_manifest
from workers.contract.records import MessagesRecord
from workers.contract.specs.evaluation import BitsPerCharacterTask, EvaluationSpec, QuestionAnsweringTask
from workers.contract.specs.gate import DEFAULT_GATE
from workers.contract.specs.measurement import ITEM, AnswerItem, TextItem, recompute
from workers.engines.shared.runtime import EngineFault, StopRequested, UserError

pytestmark = pytest.mark.ml

TASKS = (
    BitsPerCharacterTask(window_tokens=64),
    QuestionAnsweringTask(max_new_tokens=4, max_passage_tokens=16, batch_size=3),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter that changes the logits visibly."""
    import torch
    from peft import LoraConfig, get_peft_model

    from workers.engines.shared.language_models import load_base_model

    folder = tmp_path_factory.mktemp("adapter")
    model = get_peft_model(
        load_base_model(base, torch.float32),
        LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    model.save_pretrained(folder)
    write_manifest(folder, "adapter")
    return folder


@pytest.fixture
def records(tmp_path: Path) -> Path:
    heldout = [text_record(n, words=5 + 9 * n, split="heldout") for n in range(6)]
    pairs = [pair_record(n, context=f"期限は{n}日とする。" * 9, split="heldout") for n in range(4)]
    return write_dataset(tmp_path / "dataset", [*heldout, *pairs, text_record(50), pair_record(51)])


def items_of(folder: Path) -> list[TextItem | AnswerItem]:
    lines = (folder / "output" / "items.jsonl").read_text(encoding="utf-8").splitlines()
    return [ITEM.validate_json(line) for line in lines]


def run_evaluation(folder: Path, **fields):
    from workers.engines.evaluation.engine import evaluate

    spec = EvaluationSpec(**{"tasks": TASKS, **fields})
    return evaluate(make_run(folder), spec)


def test_base_and_adapter_are_measured_on_the_heldout_split(base, adapter, records, tmp_path):
    result = run_evaluation(
        tmp_path / "run", base_model=base, adapter=adapter, record_files=(records,), gate=DEFAULT_GATE
    )
    items = items_of(tmp_path / "run")
    assert {item.record_id for item in items} == {*(f"t{n}" for n in range(6)), *(f"p{n}" for n in range(4))}
    assert (result.texts, result.questions, result.items) == (6, 4, 14)
    assert result.gate is not None
    assert all(item.base_bits != item.tuned_bits for item in items if isinstance(item, TextItem))
    # The figures are a function of the items alone.
    figures = recompute(items, EvaluationSpec(base_model=base, record_files=(records,)).bootstrap)
    assert (figures.base, figures.tuned, figures.differences) == (
        result.base, result.tuned, result.differences,
    )  # fmt: skip
    facts = verify_manifest(tmp_path / "run" / "output", result.manifest_sha256)["facts"]
    assert facts["figures"] == json.loads(figures.model_dump_json())
    last = events(tmp_path / "run", "progress")[-1]
    assert (last["done"], last["seconds_left"]) == (last["total"], 0)


def test_the_adapter_switched_off_is_the_base_model(base, adapter, records, tmp_path):
    run_evaluation(tmp_path / "with", base_model=base, adapter=adapter, record_files=(records,))
    run_evaluation(tmp_path / "without", base_model=base, record_files=(records,))
    for ours, alone in zip(items_of(tmp_path / "with"), items_of(tmp_path / "without"), strict=True):
        if isinstance(ours, TextItem):
            assert ours.base_bits == pytest.approx(alone.base_bits, rel=1e-5)
        else:
            assert ours.base == alone.base


def test_a_fully_tuned_model_is_measured_beside_its_base(base, records, tmp_path):
    tuned = make_model(tmp_path / "tuned", "gemma3")
    write_manifest(tuned, "model")
    result = run_evaluation(tmp_path / "run", base_model=base, tuned_model=tuned, record_files=(records,))
    assert result.tuned is not None
    assert result.tuned["bits_per_character"].value != result.base["bits_per_character"].value


def test_text_bits_are_those_of_the_plain_forward_pass(base):
    import torch

    from workers.engines.evaluation.likelihood import text_bits
    from workers.engines.shared.language_models import load_base_model

    model = load_base_model(base, torch.float32)
    ids = [256, *range(60, 200)]
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        expected = -sum(logits[n, token].item() for n, token in enumerate(ids[1:])) / math.log(2)
        assert text_bits(model, ids, window_tokens=512) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("length", [2, 63, 64, 65, 96, 97, 500])
def test_every_token_is_counted_once_with_half_a_window_before_it(length):
    from workers.engines.evaluation.likelihood import windows

    counted = []
    for start, end, first in windows(length, 64):
        assert end - start <= 64
        assert first - start >= min(first, 32)
        counted += range(first, end)
    assert counted == list(range(1, length))


def test_an_answer_is_its_first_line():
    from workers.engines.evaluation.answers import first_line

    assert first_line("\n 10日です。\nまた") == "10日です。"
    assert first_line("10日です") is None
    assert first_line("\n\n") is None


def test_a_conversation_asks_for_its_last_answer(base, tmp_path):
    turns = [("user", "期限は?"), ("assistant", "3日"), ("user", "本当に?"), ("assistant", "はい")]
    record = MessagesRecord(
        id="m", origin=text_record(0).origin, split="heldout",
        messages=tuple({"role": role, "content": content} for role, content in turns),
    )  # fmt: skip
    path = write_dataset(tmp_path / "dataset", [record])
    run_evaluation(tmp_path / "run", base_model=base, record_files=(path,))
    (item,) = items_of(tmp_path / "run")
    assert (item.question, item.reference, item.book) == ("本当に?", "はい", "closed")


def test_the_same_records_are_chosen_whatever_their_order():
    from workers.engines.evaluation.heldout import choose

    texts = [text_record(n) for n in range(20)]
    chosen = choose(texts, 5, seed=0)
    assert chosen == choose(texts[::-1], 5, seed=0)
    assert chosen != choose(texts, 5, seed=1)


def test_no_heldout_data_is_the_users_error(base, tmp_path):
    path = write_dataset(tmp_path / "dataset", [text_record(1), pair_record(2)])
    with pytest.raises(UserError) as caught:
        run_evaluation(tmp_path / "run", base_model=base, record_files=(path,))
    assert caught.value.code == "user.no_heldout_data"


def test_a_broken_line_is_named(base, records, tmp_path):
    records.write_text(records.read_text() + "{\n")
    write_manifest(records.parent, "dataset")
    with pytest.raises(UserError) as caught:
        run_evaluation(tmp_path / "run", base_model=base, record_files=(records,))
    assert (caught.value.code, caught.value.param) == ("user.broken_record", "records.jsonl:13")


def test_a_damaged_dataset_is_not_measured_on(base, records, tmp_path):
    records.write_bytes(records.read_bytes().replace("期限は1日".encode(), "期限は9日".encode()))
    with pytest.raises(EngineFault) as caught:
        run_evaluation(tmp_path / "run", base_model=base, record_files=(records,))
    assert (caught.value.code, caught.value.param) == ("system.artifact_damaged", "record_files")


def test_a_damaged_adapter_is_refused(base, adapter, records, tmp_path):
    with pytest.raises(EngineFault) as caught:
        run_evaluation(
            tmp_path / "run", base_model=base, adapter=adapter, record_files=(records,),
            tuned_manifest_sha256="0" * 64,
        )  # fmt: skip
    assert caught.value.code == "system.artifact_damaged"


def test_a_stop_ends_the_run_without_an_artefact(base, records, tmp_path):
    from workers.engines.evaluation.engine import evaluate

    run = make_run(tmp_path / "run")
    run.request_stop()
    with pytest.raises(StopRequested):
        evaluate(run, EvaluationSpec(base_model=base, record_files=(records,), tasks=TASKS))
    with pytest.raises(ArtifactDamaged):
        verify_manifest(run.output_dir)
