"""The page that a form leads back to."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme


def own_page(request: HttpRequest, given: QueryDict) -> str:
    """The page of this site that `next` names; empty for none, and for one elsewhere."""
    target = given.get("next", "")
    ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if ours else ""
