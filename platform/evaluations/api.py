"""/v1/evals: suites, their runs and the items behind every figure."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import Field

from accounts.principal import actor_of, principal_of
from common import wire
from common.errors import Conflict, NotReadyYet
from common.pagination import envelope, keyset_page, list_body
from common.wire import Body, Metadata, PageQuery, Settings, idempotency_key, unix
from curation.selectors import lines, version_get
from curation.showing import require_texts_shown
from evaluations import services
from evaluations.bodies import item_body, result_body, rule_body
from evaluations.models import Evaluation, Suite
from evaluations.selectors import evaluation_get, evaluation_list, items_path, suite_get, suite_list
from jobs.api import PlacementBody, job_error_body, placement_of, progress_body
from jobs.selectors import public_state
from registry.selectors import model_named
from workers.contract.specs.gate import Gate
from workers.contract.specs.tasks.declaration import item_from_json

router = Router(tags=["Evals"])


class DataSourceConfig(Body):
    type: Literal["dataset_version"] = "dataset_version"
    """The held-out records of a dataset version, which each run names."""


class Criterion(Body):
    """One rule of the gate."""

    type: Literal["gate_rule"] = "gate_rule"
    metric: str
    direction: str
    require: str
    min_items: int = Field(default=1, le=1_000_000_000)


class EvalBody(Body):
    answered_as = "eval"

    name: str = Field(default="default", min_length=1, max_length=200)
    data_source_config: DataSourceConfig = DataSourceConfig()
    testing_criteria: list[Criterion] = Field(default_factory=list, max_length=50)
    """The gate; left empty, the default: bits per character better beyond the interval, open-book
    accuracy not worse."""
    tasks: list[Settings] | None = Field(default=None, min_length=1, max_length=10)
    """What is measured; left out, bits per character and both kinds of question answering."""
    metadata: Metadata | None = None


def suite_body(suite: Suite) -> dict[str, Any]:
    return {
        "id": suite.id,
        "object": "eval",
        "created_at": unix(suite.created_at),
        "name": str(suite),
        "data_source_config": {"type": "dataset_version"},
        "testing_criteria": [
            {"type": "gate_rule", **rule_body(rule)} for rule in Gate.model_validate(suite.gate).rules
        ],
        "tasks": suite.tasks,
        "metadata": suite.metadata,
    }


@router.post("/evals", summary="Create a suite with its gate")
def eval_create(request: HttpRequest, payload: EvalBody) -> dict[str, Any]:
    suite = services.suite_create(
        name=payload.name,
        tasks=payload.tasks,
        gate_rules=[criterion.model_dump(exclude={"type"}) for criterion in payload.testing_criteria],
        metadata=payload.metadata,
        actor=actor_of(request),
    )
    return suite_body(suite)


@router.get("/evals", summary="List suites")
def eval_list(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return list_body(
        keyset_page(suite_list(), after=query.after, limit=query.limit, order=query.order), suite_body
    )


@router.get("/evals/{eval_id}", summary="Retrieve a suite")
def eval_retrieve(request: HttpRequest, eval_id: str) -> dict[str, Any]:
    return suite_body(suite_get(eval_id))


# -- runs -----------------------------------------------------------------------------------
class DataSource(Body):
    type: Literal["dataset_version"] = "dataset_version"
    dataset_version: str
    """Its held-out records are what is measured on."""
    model: str
    """`ft:...` measures the version beside its base; a base model's name measures the base alone."""


class RunBody(Body):
    answered_as = "eval.run"

    data_source: DataSource
    name: str | None = Field(default=None, max_length=200)
    metadata: Metadata | None = None
    kosha: PlacementBody | None = None


def evaluation_body(evaluation: Evaluation) -> dict[str, Any]:
    status = public_state(evaluation.job)
    model = evaluation.model_version or evaluation.base_model
    return {
        "id": evaluation.id,
        "object": "eval.run",
        "created_at": unix(evaluation.created_at),
        "eval_id": evaluation.suite_id,
        "name": evaluation.name,
        "metadata": evaluation.metadata,
        "status": {"succeeded": "completed", "cancelled": "canceled"}.get(status, status),
        "model": model.name,
        "data_source": {
            "type": "dataset_version",
            "dataset_version": evaluation.dataset_version_id,
            "model": model.name,
        },
        "job": evaluation.job_id,
        "progress": progress_body(evaluation.job),
        "error": job_error_body(evaluation.job),
        "passed": evaluation.passed,
        "verdict": evaluation.verdict or None,
        "result": result_body(evaluation),
        "manifest_sha256": evaluation.manifest_sha256 or None,
    }


@router.post("/evals/{eval_id}/runs", summary="Measure a model")
def run_create(request: HttpRequest, eval_id: str, payload: RunBody) -> dict[str, Any]:
    suite = suite_get(eval_id)
    base_model, version = model_named(payload.data_source.model, param="data_source.model")
    evaluation = services.evaluation_create(
        suite=suite,
        dataset_version=version_get(payload.data_source.dataset_version, param="data_source.dataset_version"),
        base_model=base_model,
        model_version=version,
        name=payload.name or "",
        metadata=payload.metadata,
        placement=placement_of(payload.kosha),
        actor=actor_of(request),
        idempotency_key=idempotency_key(request),
    )
    return evaluation_body(evaluation_get(evaluation.id))


@router.get("/evals/{eval_id}/runs", summary="List a suite's runs")
def run_list(request: HttpRequest, eval_id: str, query: Query[PageQuery]) -> dict[str, Any]:
    rows = evaluation_list(suite_get(eval_id))
    return list_body(
        keyset_page(rows, after=query.after, limit=query.limit, order=query.order), evaluation_body
    )


@router.get("/evals/{eval_id}/runs/{run_id}", summary="Retrieve a run with its figures and verdict")
def run_retrieve(request: HttpRequest, eval_id: str, run_id: str) -> dict[str, Any]:
    return evaluation_body(evaluation_get(run_id, suite_id=eval_id))


class ItemsQuery(wire.Query):
    after: int = Field(default=0, ge=0)
    """The `line` of the last item seen."""
    limit: int = Field(default=20, ge=1, le=100)


@router.get("/evals/{eval_id}/runs/{run_id}/output_items", summary="Every text and answer behind the figures")
def run_items(request: HttpRequest, eval_id: str, run_id: str, query: Query[ItemsQuery]) -> dict[str, Any]:
    evaluation = evaluation_get(run_id, suite_id=eval_id)
    if not evaluation.manifest_sha256:
        code = "eval_run_not_finished"
        if evaluation.is_building:
            raise NotReadyYet(code, _("This run has no items yet. Wait until it is completed."))
        raise Conflict(code, _("This run ended without items. Its error says why; start another one."))
    require_texts_shown(evaluation.dataset_version, principal_of(request))
    found, has_more = lines(items_path(evaluation), after=query.after, limit=query.limit)
    # Clients turn a list's pages by the last item's id.
    data = (
        {"id": str(number), "object": "eval.run.output_item", "line": number}
        | item_body(item_from_json(line))
        for number, line in found
    )
    return envelope(data, has_more=has_more, key="line")
