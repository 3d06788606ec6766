"""Who reads the texts of a dataset version: its records, what was dropped, and what an evaluation asked of them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from common.errors import DeclaredError
from common.permissions import Permission
from curation.models import DatasetVersion
from workers.contract.specs.curation import Recipe as RecipeContent


class TextsWithheld(DeclaredError):
    """Records keep no spans of personal data, so they cannot be masked when they are shown."""

    status = 403
    type = "permission_error"
    code = "texts_withheld"
    message = _(
        "These texts were made without masking all personal data, and you do not have the right to see it. An "
        "administrator of your organization gives the right; a dataset whose recipe masks all kinds is shown to everyone."
    )


def require_texts_shown(version: DatasetVersion, principal: Principal) -> None:
    """Raises TextsWithheld."""
    if not texts_shown(version, principal):
        raise TextsWithheld


def texts_shown(version: DatasetVersion, principal: Principal) -> bool:
    may_see = principal.may(Permission.PERSONAL_DATA_READ)
    return may_see or RecipeContent.model_validate(version.recipe).masks_everything
