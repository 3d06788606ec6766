"""What a task is: which items it measures, what it asks for each, and how it scores the responses."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from workers.contract.records import AnyRecord, MessagesRecord, PairRecord, TextRecord
from workers.contract.spec import Spec
from workers.contract.specs.measurement import Ratio
from workers.contract.specs.tasks.declaration import Item, TaskSettings
from workers.engines.evaluation.requests import Request, Response

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SettingsT = TypeVar("SettingsT", bound=TaskSettings)
ItemT = TypeVar("ItemT", bound=Item)
RecordT = TypeVar("RecordT", bound=TextRecord | PairRecord | MessagesRecord)


class PromptSource(Protocol):
    """What a candidate adds to a prompt."""

    tokenizer: PreTrainedTokenizerBase
    system_prompt: str

    def find_passages(self, question: str) -> list[str] | None:
        """What its index finds for the question, best first; None without an index."""


@dataclass(frozen=True)
class Case(Generic[ItemT]):
    """An item, without results, and the record it was made from."""

    item: ItemT
    record: AnyRecord


class Task(ABC, Generic[SettingsT, ItemT]):
    """One task with its settings. A subclass is registered with `implements`."""

    length_setting: ClassVar[str] = "max_new_tokens"
    """The setting that makes a prompt shorter."""

    def __init__(self, settings: SettingsT) -> None:
        self.settings = settings

    @abstractmethod
    def items(self, records: Sequence[AnyRecord], seed: int) -> list[Case[ItemT]]:
        """What is measured, in a fixed order. `seed` chooses where there is more than the settings allow."""

    @abstractmethod
    def requests(self, case: Case[ItemT], candidate: PromptSource) -> list[Request]:
        """What one candidate is asked for one item."""

    @abstractmethod
    def score(self, case: Case[ItemT], responses: Sequence[Response]) -> Spec:
        """The item's result for a candidate, from its responses in the order of `requests`."""

    @staticmethod
    @abstractmethod
    def aggregate(items: Sequence[ItemT], candidate: str) -> Mapping[str, Ratio]:
        """By metric, what the candidate reached on the items. A metric without items is absent."""


def choose(records: Sequence[RecordT], limit: int, seed: int) -> list[RecordT]:
    """At most `limit` records, by hash: independent of their order, and stable when others come or go."""
    ranked = sorted(records, key=lambda record: hashlib.sha256(f"{seed}:{record.id}".encode()).digest())
    return ranked[:limit]


TASKS: dict[str, type[Task]] = {}
TaskT = TypeVar("TaskT", bound=type[Task])


def implements(settings: type[TaskSettings]) -> Callable[[TaskT], TaskT]:
    """A class decorator: this class runs the task that `settings` declares."""

    def register(task: TaskT) -> TaskT:
        TASKS[settings.task_name()] = task
        return task

    return register
