"""What a task of an evaluation declares: its settings, its metrics and the shape of its items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter
from pydantic_core import PydanticCustomError, from_json

from workers.contract.spec import Spec

Direction = Literal["lower", "higher"]


class Metric(Spec):
    """A figure that a task yields for each candidate."""

    name: str
    """Unique within the task."""
    direction: Direction
    """Whether a lower or a higher value is the better one."""
    is_share: bool
    """A share of right answers between 0 and 1, shown in percent."""
    label: str
    """Marked by `gettext_noop`, as is `help`."""
    help: str
    """One sentence."""


class TaskSettings(Spec):
    """The settings of one task. A subclass is declared with `declare_task`; its field `type` is its name."""

    metrics: ClassVar[tuple[Metric, ...]]
    item: ClassVar[type[Item]]

    type: str

    @classmethod
    def task_name(cls) -> str:
        return str(cls.model_fields["type"].default)


class Item(Spec):
    """One text or question that was measured, with what each candidate made of it."""

    task: str
    record_id: str
    document_name: str = ""
    results: dict[str, Any] = Field(default_factory=dict)
    """By the name of the candidate."""


_tasks: dict[str, type[TaskSettings]] = {}
SettingsT = TypeVar("SettingsT", bound=type[TaskSettings])


def declare_task(settings: SettingsT) -> SettingsT:
    """A class decorator. Raises ValueError for a name that another task has."""
    if _tasks.setdefault(settings.task_name(), settings) is not settings:
        raise ValueError(f"two tasks are called {settings.task_name()}")
    return settings


def declared_metrics() -> Iterator[tuple[str, Metric]]:
    """(task, metric) of every task, in the order in which figures are shown."""
    for name, settings in _tasks.items():
        for metric in settings.metrics:
            yield name, metric


def find_metric(task: str, metric: str) -> Metric | None:
    found = (each for name, each in declared_metrics() if (name, each.name) == (task, metric))
    return next(found, None)


def task_of_metric(metric: str) -> str | None:
    """The task of a metric that is named alone; None for an unknown name and for one that two tasks share."""
    tasks = [task for task, each in declared_metrics() if each.name == metric]
    return tasks[0] if len(tasks) == 1 else None


def item_from_json(line: str | bytes) -> Item:
    """A line of `items.jsonl` as the item class of its task. Raises ValueError."""
    value = from_json(line)
    settings = _tasks.get(value.get("task", ""))
    if settings is None:
        raise ValueError(f"no task is called {value.get('task')!r}")
    return settings.item.model_validate(value)


def _settings(value: Any) -> Any:
    """The settings class that `type` names, made from plain JSON."""
    if not isinstance(value, dict):
        return value
    settings = _tasks.get(value.get("type", ""))
    if settings is None:
        known = ", ".join(repr(name) for name in _tasks)
        raise PydanticCustomError("unknown_task", "`type` should be one of {known}", {"known": known})
    return settings.model_validate(value)


AnyTask = Annotated[SerializeAsAny[TaskSettings], BeforeValidator(_settings)]
TASKS = TypeAdapter[tuple[AnyTask, ...]](tuple[AnyTask, ...])
