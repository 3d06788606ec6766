"""What a pipeline is: a list of stages, each of which makes one row and waits for the job that completes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from pydantic import BaseModel

from jobs.types import job_type
from pipelines.models import PipelineRun

RowT = TypeVar("RowT", bound=Model)


class StageFailed(Exception):
    """The stage cannot be done. Ends the run; what the stage wrote before is kept."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


class Stage(ABC, Generic[RowT]):
    """One stage of a pipeline. Stages hold no state: one object serves every run."""

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    """What the stage makes, for example “Dataset”."""
    is_optional: ClassVar[bool] = False
    """Whether a run may leave it out."""
    is_shared: ClassVar[bool] = False
    """Whether what it makes serves others too, so that stopping a run lets its job go on."""

    @abstractmethod
    def produce(self, run: PipelineRun, row: RowT | None) -> RowT | None:
        """The row of this stage in `run`; None leaves the stage out.

        Called at every advance until the row is complete, with the row of the previous call. Begin the work
        if and only if `row` is None. Raises StageFailed or a KoshaError: a passing one is tried again at the
        next advance, any other ends the run.
        """

    @abstractmethod
    def rows(self) -> QuerySet[RowT]:
        """The rows that such stages make, with the relations that pages show selected."""

    def find(self, run: PipelineRun) -> RowT | None:
        """The row that this stage made or makes in `run`."""
        id = run.produced_id(self.name)
        return self.rows().get(pk=id) if id else None

    def get(self, run: PipelineRun) -> RowT:
        """The row of a stage that every run passes before the calling one."""
        row = self.find(run)
        if row is None:
            raise LookupError(f"{run.id} has no row of the stage {self.name}")
        return row


class JobStage(Stage[RowT]):
    """A stage whose row a job produces. Its name is the type of the job, which declares the row."""

    def rows(self) -> QuerySet[RowT]:
        known = job_type(self.name)
        assert known.produces is not None, "a stage over a type of job has a row"
        rows = known.produces.objects.select_related("job", *known.subject_related)
        return cast("QuerySet[RowT]", rows)


@dataclass(frozen=True)
class Pipeline:
    name: str
    inputs: type[BaseModel]
    """The class of a run's inputs."""
    stages: tuple[Stage[Any], ...]


_PIPELINES: dict[str, Pipeline] = {}


def pipeline_register(pipeline: Pipeline) -> None:
    """An app registers its pipelines when it is ready."""
    _PIPELINES[pipeline.name] = pipeline


def stage_of(pipeline: str, name: str) -> Stage[Any]:
    """The named stage of the named pipeline."""
    return next(stage for stage in _PIPELINES[pipeline].stages if stage.name == name)
