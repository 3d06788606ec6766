"""The type of job that exports a model version."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import folder_bytes
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from registry.models import ModelExport
from registry.selectors import EXPORTS
from workers.contract.model_shape import weights_bytes
from workers.contract.specs.export import ExportResult, ExportSpec

register(
    JobType(
        name="export",
        label=_("Exporting a model"),
        busy_label=pgettext_lazy("state", "Exporting"),
        spec=ExportSpec,
        result=ExportResult,
        engine="workers.engines.export",
        usual=UsualResources(memory_bytes=2 * GIBIBYTE),
        size=lambda spec: Size.LONG,
        disk_bytes=lambda spec: (
            2 * weights_bytes(spec.base_model) + (folder_bytes(spec.adapter) if spec.adapter else 0)
        ),
        produces=ModelExport,
        artifact=EXPORTS,
        sealed_folder=lambda result: result.model_dir,
        keeps_whole_output=True,
        subject="model_version",
        subject_related=("model_version__base_model",),
        messages={
            "merging": _("Merging the adapter into the base model."),
            "writing_weights": _("Writing the weights in %(dtype)s."),
        },
    )
)
