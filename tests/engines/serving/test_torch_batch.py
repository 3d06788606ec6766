"""Answers written together are those written alone, whatever their lengths and adapters."""

from __future__ import annotations

import shutil
import threading
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

from tests.engines.serving.conftest import Models
from workers.contract.specs.serving import ChatMessage
from workers.engines.serving.backends.adapters import adapter_folder
from workers.engines.serving.backends.protocol import AnswerRequest, SamplingSettings
from workers.engines.serving.backends.torch.backend import TorchBackend
from workers.engines.serving.backends.torch.batch import AnswerBatch, Generation
from workers.engines.serving.backends.torch.model import BASE, TorchTextModel
from workers.engines.serving.backends.torch.scheduler import Scheduler
from workers.engines.serving.errors import ServeError
from workers.engines.serving.models import TextModel
from workers.engines.serving.settings import ServingSettings

pytestmark = pytest.mark.ml

QUESTIONS = (
    "短い",
    "これはもう少し長い質問です。",
    "Hello?",
    "有給休暇は年に何日ありますか。教えてください。",
)


class Received:
    """Collects what an answer sends."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.ended = False
        self.error: ServeError | None = None
        self.begun, self.released = threading.Event(), threading.Event()

    def put(self, item: int | ServeError | None) -> None:
        if isinstance(item, ServeError):
            self.error = item
        elif item is None:
            self.ended = True
        else:
            self.tokens.append(item)
            self.begun.set()


@pytest.fixture(scope="module")
def served(models: Models, settings_for_server: ServingSettings) -> Iterator[TextModel]:
    backend = TorchBackend(settings_for_server)
    yield TextModel(models.base, backend)
    backend.close()


@pytest.fixture(scope="module")
def model(served: TextModel, models: Models) -> TorchTextModel:
    assert isinstance(served.weights, TorchTextModel)
    for adapter in (models.red, models.blue):
        served.weights.attach(adapter_folder(adapter, None))
    return served.weights


@pytest.fixture
def generation(model: TorchTextModel, served: TextModel):
    """Makes an answer to `question` that is not yet submitted, and what it will send."""

    def make(adapter: Path | None, question: str, max_tokens: int = 12) -> tuple[Generation, Received]:
        received = Received()
        request = AnswerRequest(
            served.prompt([ChatMessage(role="user", content=question)]),
            max_tokens,
            served.stop_tokens,
            SamplingSettings(temperature=0),
        )
        return (
            Generation(
                model, row_name(model, adapter), request, put=received.put, release=received.released.set
            ),
            received,
        )

    return make


def row_name(model: TorchTextModel, adapter: Path | None) -> str:
    if adapter is None:
        return BASE
    name = model.attach(adapter_folder(adapter, None))
    model.detach(name)
    return name


def written_alone(answer: Generation, max_tokens: int) -> list[int]:
    """Greedy decoding in its plainest form: the whole text is read again for every token."""
    tokens = list(answer.request.prompt)
    for _ in range(max_tokens):
        count = len(tokens)
        with answer.model.lock:
            logits = answer.model.forward(
                torch.tensor([tokens]),
                torch.ones(1, count, dtype=torch.long),
                torch.arange(count)[None],
                DynamicCache(),
                [answer.adapter],
            )
        tokens.append(int(logits[0].argmax()))
        if tokens[-1] in answer.request.stop_tokens:
            break
    return tokens[len(answer.request.prompt) :]


def test_a_mixed_batch_has_the_logits_of_each_adapter_alone(model: TorchTextModel, models: Models) -> None:
    tokens = torch.tensor([[10, 20, 30, 40]]).repeat(3, 1)
    names = [row_name(model, adapter) for adapter in (None, models.red, models.blue)]

    def logits(rows: slice) -> torch.Tensor:
        count = len(names[rows])
        positions = torch.arange(4).repeat(count, 1)
        return model.forward(tokens[rows], torch.ones_like(positions), positions, DynamicCache(), names[rows])

    mixed = logits(slice(0, 3))
    for row in range(3):
        assert torch.allclose(mixed[row], logits(slice(row, row + 1))[0], atol=1e-4)
    assert not torch.allclose(mixed[0], mixed[1], atol=0.1)
    assert not torch.allclose(mixed[1], mixed[2], atol=0.1)


def test_joining_and_leaving_between_steps_changes_no_answer(
    model: TorchTextModel, models: Models, generation
) -> None:
    adapters = (None, models.red, models.blue, None)
    lengths = (20, 4, 12, 9)
    pairs = [generation(*what) for what in zip(adapters, QUESTIONS, lengths, strict=True)]
    batch = AnswerBatch(model)
    for answer, _ in pairs:
        batch.join(answer)
        if batch.answers:
            batch.step()
    while batch.answers:
        batch.step()
    for (answer, received), length in zip(pairs, lengths, strict=True):
        assert received.tokens == written_alone(answer, length)
        assert received.ended and received.released.is_set()


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler(batch_size=2, queue_limit=3)
    yield scheduler
    scheduler.close()


def test_the_scheduler_writes_more_answers_than_fit_in_a_batch(scheduler: Scheduler, generation) -> None:
    pairs = [generation(None, question, 6) for question in QUESTIONS[:3]]
    for answer, _ in pairs:
        scheduler.submit(answer)
    for answer, received in pairs:
        assert received.released.wait(30)
        assert received.tokens == written_alone(answer, 6)


def test_batches_change_under_the_lock_under_which_they_are_counted(scheduler: Scheduler) -> None:
    """A dictionary that grows while another thread iterates over it ends that thread's request with 500."""

    class ModelWithLock:
        lock = threading.Lock()

    class Watched(dict[Any, Any]):
        def setdefault(self, *arguments: Any) -> Any:
            assert scheduler._changed._is_owned()  # type: ignore[attr-defined]
            return super().setdefault(*arguments)

    scheduler.close()
    scheduler._batches = Watched()
    received: list[Any] = []
    answer: Any = types.SimpleNamespace(
        model=ModelWithLock(),
        put=received.append,
        release=lambda: received.append("released"),
    )
    scheduler._join(answer)
    assert isinstance(received[0], ServeError) and received[1] == "released", "a broken answer reports it"


@pytest.fixture
def endless(generation):
    """Makes an answer that goes on until it is cancelled (or the test takes too long)."""

    def make() -> tuple[Generation, Received]:
        answer, received = generation(None, "永遠に", 1_000_000)
        sampling = SamplingSettings(temperature=2, seed=1)
        request = replace(answer.request, stop_tokens=frozenset(), sampling=sampling)
        return replace(answer, request=request), received

    return make


def test_a_cancelled_answer_stops_and_releases_its_adapter(scheduler: Scheduler, endless) -> None:
    answer, received = endless()
    scheduler.submit(answer)
    assert received.begun.wait(30)
    answer.cancelled.set()
    assert received.released.wait(30)
    assert not received.ended and received.error is None


def test_refuses_answers_beyond_the_queue_limit(scheduler: Scheduler, endless) -> None:
    pairs = [endless() for _ in range(3)]
    for answer, _ in pairs:
        scheduler.submit(answer)
    assert pairs[0][1].begun.wait(30) and pairs[1][1].begun.wait(30)
    with pytest.raises(ServeError) as refused:
        scheduler.submit(endless()[0])
    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    scheduler.close()
    assert all(received.released.is_set() for _, received in pairs)
    assert {received.error.code for _, received in pairs if received.error} == {"model_server_busy"}


def test_failing_answer_does_not_affect_others(scheduler: Scheduler, generation) -> None:
    bad, from_bad = generation(None, "x")
    bad.adapter = "no such adapter"
    good, from_good = generation(None, "x", 3)
    scheduler.submit(bad)
    scheduler.submit(good)
    assert from_good.released.wait(30)
    assert from_bad.error is not None and from_bad.released.is_set()
    assert from_good.ended and from_good.error is None


def test_unused_adapters_beyond_the_limit_are_unloaded(models: Models) -> None:
    model = TorchTextModel(models.base, ServingSettings("t", (), dtype="float32", adapters_per_model=1))
    red, blue = (adapter_folder(path, None) for path in (models.red, models.blue))
    names = [model.attach(red), model.attach(blue)]
    assert model.adapters() == [models.red, models.blue]
    for name in names:
        model.detach(name)
    model.attach(blue)
    assert model.adapters() == [models.blue]
    name = model.attach(red)
    received = Received()
    answer = Generation(model, name, AnswerRequest([5, 6], 2, frozenset()), received.put, lambda: None)
    AnswerBatch(model).join(answer)
    assert answer.written == len(received.tokens) == 1


def test_identifies_adapter_by_its_content(model: TorchTextModel, models: Models, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(models.red, copy)
    assert row_name(model, copy) == row_name(model, models.red)
    assert set(model.adapters()) == {models.red, models.blue}
