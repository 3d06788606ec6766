"""The type of job that measures a model."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from evaluations.models import Evaluation
from evaluations.selectors import EVALUATIONS
from jobs.failures import ErrorText
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from workers.contract.model_shape import weights_bytes
from workers.contract.specs.evaluation import EvaluationResult, EvaluationSpec

LIGHT_WEIGHTS_BYTES = 2 * GIBIBYTE
LIGHT_RECORD_BYTES = 8 << 20
LIGHT_RECORDS = 40


def _size(spec: EvaluationSpec) -> Size:
    """Some dozens of questions to small models are answered in minutes by a core or two."""
    is_small = all(weights_bytes(candidate.model) <= LIGHT_WEIGHTS_BYTES for candidate in spec.candidates)
    if not is_small or sum(map(file_bytes, spec.record_files)) > LIGHT_RECORD_BYTES:
        return Size.FULL
    return Size.LONG if _heldout_records(spec) <= LIGHT_RECORDS else Size.FULL


def _heldout_records(spec: EvaluationSpec) -> int:
    """The engine says what is wrong with a file that cannot be read."""
    lines = [line for path in spec.record_files if path.is_file() for line in path.read_bytes().splitlines()]
    return sum(b'"heldout"' in line for line in lines)


register(
    JobType(
        name="evaluation",
        label=_("Evaluating a model"),
        busy_label=pgettext_lazy("state", "Evaluating"),
        spec=EvaluationSpec,
        result=EvaluationResult,
        engine="workers.engines.evaluation",
        usual=UsualResources(memory_bytes=4 * GIBIBYTE, gpu_each_process=True),
        size=_size,
        disk_bytes=lambda spec: 8 * sum(map(file_bytes, spec.record_files)),
        produces=Evaluation,
        artifact=EVALUATIONS,
        columns=lambda result: {"verdict": result.gate.verdict if result.gate else ""},
        subject_related=("suite", "base_model", "model_version"),
        messages={
            "heldout_chosen": _("Held-out data chosen: %(items)s measurements."),
            "models_loaded": _("Models loaded; answers are generated in %(answers_in)s."),
        },
        errors={
            "system.artifact_damaged:index": ErrorText(
                _("A file of the index or of its embedding model is damaged on the disk."),
                _("Build the index again. Have your operator look at the disk of the node."),
                _("A file of the index or of its embedding model is damaged on the disk: %(file)s."),
            ),
            "user.context_too_long": ErrorText(
                _("A prompt and its answer take more tokens than the model has room for."),
                _(
                    "Evaluate with a suite whose prompts are shorter, or choose a model with a longer context."
                ),
                _(
                    "A prompt and its answer take %(tokens)s tokens, the model has room for %(limit)s; the suite's setting "
                    "is %(setting)s."
                ),
            ),
            "user.embedding_model_mismatch": ErrorText(
                _("The index was built with another embedding model."),
                _("Build the index again, and start the evaluation again."),
            ),
            "user.no_heldout_data": ErrorText(
                _("The dataset holds nothing that was held out from training."),
                _("Build a version with a share of records held out."),
            ),
        },
    )
)
