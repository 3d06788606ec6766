"""The evaluation engine: the same held-out items, given to every candidate."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workers.contract.artifacts import write_manifest
from workers.contract.specs.evaluation import EvaluationResult, EvaluationSpec
from workers.contract.specs.gate import judge
from workers.contract.specs.tasks.declaration import Item
from workers.engines.evaluation.candidates import LoadedCandidate, load_candidates
from workers.engines.evaluation.figures import compute_figures
from workers.engines.evaluation.language_model import LanguageModel, PlannedRequest, batches
from workers.engines.evaluation.requests import REQUEST_TYPES, GenerateUntil, Response
from workers.engines.evaluation.tasks import TASKS
from workers.engines.evaluation.tasks.task import Case, Task
from workers.engines.shared.integrity import require_intact_records
from workers.engines.shared.language_models import convert_weights
from workers.engines.shared.precision import Machine, choose_dtype, served_precision
from workers.engines.shared.records import read_records
from workers.engines.shared.runtime import Run, UserError
from workers.engines.shared.threads import GrantedThreads

ITEMS_FILE = "items.jsonl"
Cases = list[tuple[Task[Any, Any], Case[Any]]]


def evaluate(run: Run, spec: EvaluationSpec) -> EvaluationResult:
    """Measure, write `output/items.jsonl`, and judge. Figures come from the items alone."""
    run.started()
    started = time.monotonic()
    threads = GrantedThreads(run)
    cases = _cases(spec)
    chosen = {(case.item.task, case.item.record_id) for _task, case in cases}
    records = {task.type: sum(name == task.type for name, _record in chosen) for task in spec.tasks}
    run.log("Held-out data chosen.", code="heldout_chosen", items=len(cases), **records)
    machine = Machine.here()
    candidates = load_candidates(spec.candidates, choose_dtype("likelihoods", machine), machine.device)
    served = choose_dtype("answers", machine, served_precision())
    run.log("Models loaded.", code="models_loaded", answers_in=str(served).removeprefix("torch."))
    items = _measure(run, threads, cases, candidates, served)
    with open(run.output_dir / ITEMS_FILE, "w", encoding="utf-8") as file:
        file.writelines(item.model_dump_json() + "\n" for item in items)
        file.flush()
        os.fsync(file.fileno())
    figures, differences = compute_figures(items, spec.pairs, spec.bootstrap)
    verdict = judge(spec.gate, differences) if spec.gate is not None and spec.is_judged else None
    manifest = write_manifest(
        run.output_dir,
        "evaluation",
        spec_digest=spec.digest(),
        candidates={candidate.name: candidate.manifest_sha256 for candidate in spec.candidates},
        bootstrap=spec.bootstrap.model_dump(mode="json"),
        figures=[figure.model_dump(mode="json") for figure in figures],
        differences=[difference.model_dump(mode="json") for difference in differences],
        gate=verdict.model_dump(mode="json") if verdict else None,
    )
    return EvaluationResult(
        figures=tuple(figures),
        differences=tuple(differences),
        gate=verdict,
        records=records,
        items=len(items),
        seconds=time.monotonic() - started,
        manifest_sha256=manifest,
    )


def _cases(spec: EvaluationSpec) -> Cases:
    """Every item of every task. Raises UserError `broken_record`, `no_heldout_data`, EngineFault."""
    require_intact_records(spec.record_files, param="record_files")
    records = list(read_records(spec.record_files, "heldout"))
    tasks = [TASKS[settings.type](settings) for settings in spec.tasks]
    cases = [(task, case) for task in tasks for case in task.items(records, spec.seed)]
    if not cases:
        raise UserError(
            "no_heldout_data",
            "No held-out record fits the tasks. Use a dataset version whose heldout split has texts "
            "or question-answer pairs.",
            param="record_files",
        )
    return cases


def _measure(
    run: Run,
    threads: GrantedThreads,
    cases: Cases,
    candidates: Sequence[LoadedCandidate],
    served: torch.dtype,
) -> list[Item]:
    """All requests of all tasks, type by type; then the items with their results, in the order measured.

    Answers are generated in the precision `served`, in which they will be served.
    """
    plans = {candidate.name: _plan(cases, candidate) for candidate in candidates}
    clock = _Clock(run, sum(planned.cost for plan in plans.values() for planned in plan))
    responses: dict[str, dict[int, dict[int, Response]]] = {candidate.name: {} for candidate in candidates}
    for request_type in REQUEST_TYPES:
        if request_type is GenerateUntil:
            for candidate in candidates:
                convert_weights(candidate.weights, served)
        for candidate in candidates:
            of_type = [one for one in plans[candidate.name] if isinstance(one.request, request_type)]
            with candidate.activate() as weights:
                model = LanguageModel(weights, candidate.tokenizer, threads.stop_requested)
                for batch in batches(of_type):
                    threads.follow()
                    for planned, response in zip(batch, model.respond(batch), strict=True):
                        responses[candidate.name].setdefault(planned.item, {})[planned.number] = response
                    clock.advance(sum(planned.cost for planned in batch))
    return _scored(cases, responses)


def _scored(cases: Cases, responses: dict[str, dict[int, dict[int, Response]]]) -> list[Item]:
    """The items with their results. `responses`: by candidate, item and number of the request."""
    items = []
    for position in dict.fromkeys(position for given in responses.values() for position in given):
        task, case = cases[position]
        results = {
            name: task.score(case, [given[position][number] for number in sorted(given[position])])
            for name, given in responses.items()
            if position in given
        }
        items.append(case.item.model_copy(update={"results": results}))
    return items


def _plan(cases: Cases, candidate: LoadedCandidate) -> list[PlannedRequest]:
    """What the candidate is asked. Raises UserError `context_too_long`."""
    plan = []
    for item, (task, case) in enumerate(cases):
        for number, request in enumerate(task.requests(case, candidate)):
            planned = PlannedRequest(item, number, request, candidate.tokenizer)
            if planned.positions > candidate.context_length:
                raise UserError(
                    "context_too_long",
                    f"A prompt and its answer take {planned.positions} tokens; the model has room for "
                    f"{candidate.context_length}. Lower {task.length_setting} or max_new_tokens.",
                    param=f"tasks.{task.settings.type}.{task.length_setting}",
                    tokens=planned.positions,
                    limit=candidate.context_length,
                    setting=task.length_setting,
                )
            plan.append(planned)
    return plan


@dataclass
class _Clock:
    """Progress and time left in units of cost; raises RunStopped when the run was asked to stop."""

    run: Run
    total: float
    done: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def advance(self, cost: float) -> None:
        self.run.raise_if_stopped()
        self.done += cost
        elapsed = time.monotonic() - self.started
        left = elapsed * (self.total - self.done) / self.done
        self.run.progress(round(self.done), round(self.total), "token", round(left, 1))
