"""The type of job that measures a model."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from curation.job_types import DATASET_DAMAGED
from evaluations.models import Evaluation
from evaluations.selectors import EVALUATIONS
from jobs.types import GIBIBYTE, ErrorText, JobType, UsualResources, register
from workers.contract.specs.evaluation import EvaluationResult, EvaluationSpec

register(
    JobType(
        name="evaluation",
        label=_("Evaluating a model"),
        busy_label=pgettext_lazy("state", "Evaluating"),
        spec=EvaluationSpec,
        result=EvaluationResult,
        engine="workers.engines.evaluation",
        usual=UsualResources(memory_bytes=4 * GIBIBYTE, gpu_each_process=True),
        disk_bytes=lambda spec: 8 * sum(map(file_bytes, spec.record_files)),
        produces=Evaluation,
        artifact=EVALUATIONS,
        columns=lambda result: {"passed": result.gate.passed if result.gate else None},
        subject_related=("suite", "base_model", "model_version"),
        errors={
            "user.no_heldout_data": ErrorText(
                _("The dataset holds nothing that was held out from training."),
                _("Build a version with a share of records held out."),
            ),
            "system.artifact_damaged": DATASET_DAMAGED,
        },
    )
)
