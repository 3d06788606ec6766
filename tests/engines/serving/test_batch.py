"""Answers written together are those written alone, whatever their lengths and adapters."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from tests.engines.serving.conftest import Models
from workers.contract.specs.serving import ChatMessage
from workers.engines.serving.batch import Answer, Batch, Delta, Done, Failed
from workers.engines.serving.errors import ServeError
from workers.engines.serving.sampling import Sampler
from workers.engines.serving.scheduler import Scheduler
from workers.engines.serving.settings import ServingSettings
from workers.engines.serving.text_model import TextModel
from workers.engines.serving.text_stream import TextStream

pytestmark = pytest.mark.ml

QUESTIONS = (
    "短い",
    "これはもう少し長い質問です。",
    "Hello?",
    "有給休暇は年に何日ありますか。教えてください。",
)


class Listener:
    """Collects what an answer tells."""

    def __init__(self) -> None:
        self.text = ""
        self.end: Done | Failed | None = None
        self.begun, self.released = threading.Event(), threading.Event()

    def emit(self, happening: Delta | Done | Failed) -> None:
        if isinstance(happening, Delta):
            self.text += happening.text
            self.begun.set()
        else:
            self.end = happening


@pytest.fixture(scope="module")
def model(models: Models, settings_for_server: ServingSettings) -> TextModel:
    model = TextModel(models.base, settings_for_server)
    model.attach(models.red)
    model.attach(models.blue)
    return model


def make_answer(
    model: TextModel, adapter: Path | None, question: str, max_tokens: int = 12
) -> tuple[Answer, Listener]:
    listener = Listener()
    answer = Answer(
        model=model,
        adapter=model.row_name(adapter),
        prompt=model.prompt([ChatMessage(role="user", content=question)]),
        max_tokens=max_tokens,
        sampler=Sampler(temperature=0),
        stream=TextStream(model.tokenizer),
        emit=listener.emit,
        release=listener.released.set,
    )
    return answer, listener


def alone(model: TextModel, adapter: Path | None, question: str, max_tokens: int) -> str:
    """Greedy decoding written out: the whole text is read anew for every token."""
    answer, _ = make_answer(model, adapter, question)
    tokens, stream, text = list(answer.prompt), TextStream(model.tokenizer), ""
    for _ in range(max_tokens):
        count = len(tokens)
        with model.lock:
            logits = model.forward(
                torch.tensor([tokens]),
                torch.ones(1, count, dtype=torch.long),
                torch.arange(count)[None],
                DynamicCache(),
                [answer.adapter],
            )
        tokens.append(int(logits[0].argmax()))
        if tokens[-1] in model.stop_tokens:
            break
        text += stream.push(tokens[-1])
    return text + stream.finish()


def test_a_mixed_batch_has_the_logits_of_each_adapter_alone(model: TextModel, models: Models) -> None:
    tokens = torch.tensor([[10, 20, 30, 40]]).repeat(3, 1)
    names = [model.row_name(adapter) for adapter in (None, models.red, models.blue)]

    def logits(rows: slice) -> torch.Tensor:
        count = len(names[rows])
        positions = torch.arange(4).repeat(count, 1)
        return model.forward(tokens[rows], torch.ones_like(positions), positions, DynamicCache(), names[rows])

    mixed = logits(slice(0, 3))
    for row in range(3):
        assert torch.allclose(mixed[row], logits(slice(row, row + 1))[0], atol=1e-4)
    assert not torch.allclose(mixed[0], mixed[1], atol=0.1)
    assert not torch.allclose(mixed[1], mixed[2], atol=0.1)


def test_joining_and_leaving_between_steps_changes_no_answer(model: TextModel, models: Models) -> None:
    adapters = (None, models.red, models.blue, None)
    lengths = (20, 4, 12, 9)
    pairs = [make_answer(model, *what) for what in zip(adapters, QUESTIONS, lengths, strict=True)]
    batch = Batch(model)
    for answer, _ in pairs:
        batch.join(answer)
        if batch.answers:
            batch.step()
    while batch.answers:
        batch.step()
    for (_, listener), adapter, question, length in zip(pairs, adapters, QUESTIONS, lengths, strict=True):
        assert listener.text == alone(model, adapter, question, length)
        assert listener.released.is_set()
        assert isinstance(listener.end, Done)


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler(batch_size=2, queue_limit=3)
    yield scheduler
    scheduler.close()


def test_the_scheduler_writes_more_answers_than_fit_in_a_batch(
    model: TextModel, scheduler: Scheduler
) -> None:
    pairs = [make_answer(model, None, question, 6) for question in QUESTIONS[:3]]
    for answer, _ in pairs:
        scheduler.submit(answer)
    for (_, listener), question in zip(pairs, QUESTIONS, strict=False):
        assert listener.released.wait(30)
        assert listener.text == alone(model, None, question, 6)


def test_batches_change_under_the_lock_under_which_they_are_counted(scheduler: Scheduler) -> None:
    """A dictionary that grows while another thread walks over it ends that thread's request with 500."""

    class Watched(dict[Any, Any]):
        def setdefault(self, *arguments: Any) -> Any:
            assert scheduler._changed._is_owned()  # type: ignore[attr-defined]
            return super().setdefault(*arguments)

    scheduler.close()
    scheduler._batches = Watched()
    heard: list[Any] = []
    answer: Any = types.SimpleNamespace(
        model=_Lock(), adapter="", prompt=[], emit=heard.append, release=lambda: heard.append("released")
    )
    scheduler._join(answer)
    assert isinstance(heard[0], Failed) and heard[1] == "released", "it could not be read, and says so"


class _Lock:
    def __init__(self) -> None:
        self.lock = threading.Lock()


def endless(model: TextModel) -> tuple[Answer, Listener]:
    """An answer that writes on until it is cancelled (or the test takes too long)."""
    answer, listener = make_answer(model, None, "永遠に", 1_000_000)
    answer.sampler = Sampler(temperature=2, seed=1)
    answer.model.stop_tokens = frozenset()
    return answer, listener


@pytest.fixture
def unstoppable(model: TextModel) -> Iterator[TextModel]:
    stops = model.stop_tokens
    yield model
    model.stop_tokens = stops


def test_a_cancelled_answer_stops_and_lets_go_of_its_model(
    unstoppable: TextModel, scheduler: Scheduler
) -> None:
    answer, listener = endless(unstoppable)
    scheduler.submit(answer)
    assert listener.begun.wait(30)
    answer.cancelled.set()
    assert listener.released.wait(30)
    assert listener.end is None


def test_one_more_than_the_queue_holds_is_refused(unstoppable: TextModel, scheduler: Scheduler) -> None:
    pairs = [endless(unstoppable) for _ in range(3)]
    for answer, _ in pairs:
        scheduler.submit(answer)
    assert pairs[0][1].begun.wait(30) and pairs[1][1].begun.wait(30)
    with pytest.raises(ServeError) as refused:
        scheduler.submit(endless(unstoppable)[0])
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    scheduler.close()
    assert all(listener.released.is_set() for _, listener in pairs)


def test_a_failing_answer_fails_alone(model: TextModel, scheduler: Scheduler) -> None:
    bad, bad_listener = make_answer(model, None, "x")
    bad.adapter = "no such adapter"
    good, good_listener = make_answer(model, None, "x", 3)
    scheduler.submit(bad)
    scheduler.submit(good)
    assert good_listener.released.wait(30)
    assert isinstance(bad_listener.end, Failed) and bad_listener.released.is_set()
    assert isinstance(good_listener.end, Done)


def test_unused_adapters_beyond_the_limit_are_unloaded(models: Models) -> None:
    model = TextModel(models.base, ServingSettings("t", (), dtype="float32", adapters_per_model=1))
    model.attach(models.red)
    model.attach(models.blue)
    assert model.adapters() == [str(models.red), str(models.blue)]
    model.detach(models.red)
    model.detach(models.blue)
    model.attach(models.blue)
    assert model.adapters() == [str(models.blue)]
    model.attach(models.red)
    answer, _ = make_answer(model, models.red, "x")
    batch = Batch(model)
    batch.join(answer)
    assert answer.written == 1
