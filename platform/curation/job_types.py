"""The type of job that builds a dataset version."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.disk import file_bytes
from curation.models import DatasetVersion
from curation.selectors import DATASETS
from jobs.failures import ErrorText
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from workers.contract.specs.curation import CurationResult, CurationSpec

LIGHT_BYTES = 16 << 20
"""Pages of this size make a dataset version in minutes."""


def _pages_bytes(spec: CurationSpec) -> int:
    return sum(file_bytes(source.pages_path) for source in spec.sources)


def _disk_bytes(spec: CurationSpec) -> int:
    """Records, what was dropped, and what steps keep aside: each about as long as the pages. Signatures are no longer."""
    return 5 * _pages_bytes(spec)


def _size(spec: CurationSpec) -> Size:
    return Size.LONG if _pages_bytes(spec) <= LIGHT_BYTES and spec.device == "cpu" else Size.FULL


register(
    JobType(
        name="curation",
        label=_("Building a dataset version"),
        busy_label=pgettext_lazy("state", "Curating"),
        spec=CurationSpec,
        result=CurationResult,
        engine="workers.engines.curation",
        usual=UsualResources(cpus=1, memory_bytes=2 * GIBIBYTE),
        size=_size,
        disk_bytes=_disk_bytes,
        makes_pseudonyms=True,
        produces=DatasetVersion,
        artifact=DATASETS,
        subject_related=("dataset",),
        messages={
            "earlier_version_damaged": _(
                "The version before is damaged on the disk. What is held out was drawn anew."
            )
        },
        errors={
            "user.no_documents": ErrorText(
                _("There was no document to build from."), _("Upload documents and build a new version.")
            ),
            "user.step_model_missing": ErrorText(
                _("A step of the recipe needs a model that the job does not name."),
                _("Remove the step from the recipe and build a new version."),
                _("A step of the recipe needs the model “%(model)s”, which the job does not name."),
            ),
            "system.pseudonym_key_missing": ErrorText(
                _("The run was given no key to make pseudonyms with."),
                _("Ask your operator to look at how runs are started."),
            ),
        },
    )
)
