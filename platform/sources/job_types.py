"""The type of job that compares a source with its documents."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from jobs.failures import ErrorText
from jobs.types import GIBIBYTE, JobType, Size, UsualResources, register
from sources.models import Sync
from sources.selectors import SYNCS
from sources.services import sync_ended, sync_is_wanted, sync_secrets
from workers.contract.specs.sync import SyncResult, SyncSpec


def _columns(result: SyncResult) -> dict[str, Any]:
    return {"unchanged": result.unchanged, "left": result.left, "warnings": list(result.warnings)}


register(
    JobType(
        name="sync",
        label=_("Synchronizing a source"),
        busy_label=pgettext_lazy("state", "Comparing"),
        spec=SyncSpec,
        result=SyncResult,
        engine="workers.engines.sync",
        usual=UsualResources(memory_bytes=GIBIBYTE),
        size=lambda spec: Size.LONG,
        disk_bytes=lambda spec: spec.max_bytes + spec.max_file_bytes,
        secrets=sync_secrets,
        produces=Sync,
        artifact=SYNCS,
        columns=_columns,
        # What is applied is erased.
        kept=lambda rows: rows.filter(applied_at=None),
        owner_exists=sync_is_wanted,
        on_end=sync_ended,
        subject="source",
        subject_related=("source",),
        errors={
            "user.source_unreachable": ErrorText(
                _("The source could not be reached, or broke off in the middle. No document was deleted."),
                _("Look at the server or the share. The next sync tries again."),
                _(
                    "The source could not be reached, or broke off in the middle (%(answer)s). No document was deleted."
                ),
            ),
            "user.source_refused": ErrorText(
                _("The server refused the request, or does not answer as one for S3 does."),
                _("Check the address, the region and the bucket."),
                _("The server refused the request, or does not answer as one for S3 does (%(answer)s)."),
            ),
            "user.access_denied": ErrorText(
                _("The source may not be read."),
                _("Check the access key and its rights, or the rights of the folder."),
                _("The source may not be read (%(answer)s)."),
            ),
            "user.bucket_missing": ErrorText(
                _("The bucket does not exist. No document was deleted."), _("Check its name and the address.")
            ),
            "user.folder_missing": ErrorText(
                _("The folder does not exist, or is not mounted. No document was deleted."),
                _("Have your operator look at it. The next sync tries again."),
            ),
            "user.endpoint_refused": ErrorText(
                _(
                    "The address leads to this machine itself, or to a host that the operator has not allowed."
                ),
                _("Enter another address, or have your operator allow it (KOSHA_BUCKET_HOSTS)."),
                _("%(host)s leads to this machine itself, or is a host that the operator has not allowed."),
            ),
            "user.secret_missing": ErrorText(
                _(
                    "The secret key is not known any more, for example after a restore with another secret key."
                ),
                _("Enter the secret key again."),
            ),
        },
    )
)
