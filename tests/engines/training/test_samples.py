"""Samples of the first two objectives: what is learnt, what is cut, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.training.tiny import (
    ORIGIN,
    collate_text,
    make_tokenizer,
    pair_record,
    text_record,
    write_records,
)
from workers.contract.records import MessagesRecord
from workers.contract.specs.training import Hyperparameters
from workers.engines.shared.language_models import FALLBACK_CHAT_TEMPLATE, load_tokenizer
from workers.engines.shared.records import read_records
from workers.engines.shared.runtime import UserError
from workers.engines.training.objectives import make_objectives
from workers.engines.training.samples import Sample, build_samples, replay_known

pytestmark = pytest.mark.ml


@pytest.fixture
def tokenizer(llama: Path) -> Any:
    return load_tokenizer(llama)


def build(tokenizer: Any, records: list[Any], **settings: Any) -> Any:
    hyperparameters = Hyperparameters(**{"sequence_length": 512, "tokens_per_step": 1024, **settings})
    objectives = make_objectives(("continued_pretraining", "supervised"), tokenizer, hyperparameters)
    return build_samples(records, objectives, hyperparameters.sequence_length)


def learnt_text(tokenizer: Any, sample: Sample) -> str:
    return tokenizer.decode(sample.ids[sample.weights > 0])


def test_text_is_learnt_whole_from_bos_to_eos(tokenizer: Any) -> None:
    (sample,) = build(tokenizer, [text_record(1)]).samples
    assert tokenizer.decode(sample.ids) == f"<bos>{text_record(1).text}<eos>"
    assert sample.weights.tolist() == [0] + [1] * (len(sample) - 1)


def test_keeps_new_records_and_replays_a_share_of_known_ones() -> None:
    records = [text_record(n) for n in range(200)]
    known = {record.id for record in records[:150]}
    kept = list(replay_known(records, known, 0.2, seed=7))
    assert kept[-50:] == records[150:]
    assert 15 <= len(kept) - 50 <= 45
    assert kept == list(replay_known(records, known, 0.2, seed=7))
    assert list(replay_known(records, known, 0.0, seed=7)) == records[150:]


def test_cuts_long_text_without_losing_any(tokenizer: Any) -> None:
    record = text_record(1, words=300)
    samples = build(tokenizer, [record]).samples
    assert all(len(sample) <= 512 and sample.ids[0] == tokenizer.bos_token_id for sample in samples)
    joined = np.concatenate([sample.ids[1:] for sample in samples])
    assert tokenizer.decode(joined) == record.text + "<eos>"


def test_learns_only_the_answer_of_a_pair_in_both_forms(tokenizer: Any) -> None:
    record = pair_record(3, context="期限は3日とする。")
    closed, opened = build(tokenizer, [record], pair_weight=2.0, pair_repeats=5).samples
    for sample in (closed, opened):
        assert learnt_text(tokenizer, sample) == record.answer + "<eos>"
        assert set(sample.weights) == {0.0, 2.0}
        assert sample.repeats == 5
    assert record.context not in tokenizer.decode(closed.ids)
    assert record.context in tokenizer.decode(opened.ids)


def test_distractors_are_passages_of_other_pairs(tokenizer: Any) -> None:
    records = [pair_record(n, context=f"期限は{n}日。") for n in range(3)]
    samples = build(tokenizer, records, pair_forms=("open_book",), open_book_distractors=1).samples
    for number, sample in enumerate(samples):
        text = tokenizer.decode(sample.ids)
        assert f"期限は{number}日。" in text
        assert sum(f"期限は{n}日。" in text for n in range(3)) == 2


def test_learns_every_assistant_turn_of_a_conversation(tokenizer: Any) -> None:
    turns = [
        ("system", "短く。"),
        ("user", "一?"),
        ("assistant", "はい。"),
        ("user", "二?"),
        ("assistant", "否。"),
    ]
    messages = tuple({"role": role, "content": content} for role, content in turns)
    record = MessagesRecord(id="m", messages=messages, origin=ORIGIN)
    (sample,) = build(tokenizer, [record]).samples
    assert learnt_text(tokenizer, sample) == "はい。<eos>否。<eos>"
    unanswered = MessagesRecord(id="m", messages=messages[:2], origin=ORIGIN)
    assert len(build(tokenizer, [unanswered]).samples) == 0


def test_special_token_in_a_document_stays_text(tokenizer: Any) -> None:
    record = text_record(1).model_copy(update={"text": "前<eos>後"})
    (sample,) = build(tokenizer, [record]).samples
    assert (sample.ids == tokenizer.eos_token_id).sum() == 1
    pair = pair_record(1).model_copy(update={"question": "<eos><bos>"})
    samples = build(tokenizer, [pair]).samples
    # Without its passage, and with its own row as one.
    assert [(sample.ids == tokenizer.bos_token_id).sum() for sample in samples] == [1, 1]


def test_conversations_too_long_are_counted_or_refused(tokenizer: Any) -> None:
    long = pair_record(1, context="長" * 200)
    result = build(tokenizer, [long])
    assert (len(result.samples), result.too_long) == (1, 1)
    with pytest.raises(UserError) as refused:
        build(tokenizer, [long], pair_forms=("open_book",))
    assert refused.value.code == "user.context_too_long"


def test_reads_only_the_requested_split(tmp_path: Path) -> None:
    path = write_records(tmp_path / "r.jsonl", [text_record(1), text_record(2, split="heldout")])
    assert [record.id for record in read_records([path], "train")] == ["t1"]
    assert [record.id for record in read_records([path], "heldout")] == ["t2"]


def test_names_the_broken_line(tmp_path: Path) -> None:
    path = write_records(tmp_path / "r.jsonl", [text_record(1)])
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(UserError) as refused:
        list(read_records([path], "train"))
    assert (refused.value.code, refused.value.param) == ("user.broken_record", "r.jsonl:2")


def test_collate_points_from_each_token_to_the_next() -> None:
    samples = [
        Sample(np.array([5, 6, 7]), np.array([0, 1, 1], dtype=np.float32)),
        Sample(np.array([8, 9]), np.array([0, 2], dtype=np.float32)),
    ]
    batch = collate_text(samples)
    (_objective, labels), *rest = batch.labels
    assert batch.input_ids.tolist() == [[5, 6, 7, 8, 9]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert batch.lengths == [3, 2]
    assert labels.predict_from.tolist() == [0, 1, 3]
    assert labels.targets.tolist() == [6, 7, 9]
    assert labels.weights.tolist() == [1, 1, 2]
    assert rest == []
    empty = collate_text([])
    assert (empty.input_ids.shape, empty.lengths, empty.labels) == ((1, 1), [1], [])


def test_tokenizer_without_template_gets_the_fallback(tmp_path: Path) -> None:
    make_tokenizer().save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).chat_template == FALLBACK_CHAT_TEMPLATE
