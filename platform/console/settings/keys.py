"""API keys: made, shown once, revoked."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.principal import principal_of
from accounts.selectors import api_key_list
from accounts.services import api_key_create, api_key_revoke
from common.errors import KoshaError
from common.pagination import keyset_page
from common.permissions import Permission
from console.settings.forms import KeyForm


def index(
    request: HttpRequest, form: KeyForm | None = None, *, secret: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "page": keyset_page(api_key_list(principal_of(request)), after=request.GET.get("after")),
        "form": form or KeyForm(by_role=principal_of(request).role),
        "secret": secret,
        "api_url": request.build_absolute_uri("/v1"),
    }
    return render(request, "settings/keys.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself, not a redirect: the secret is in this answer and nowhere else.

    GET is this page opened again by its address.
    """
    if request.method != "POST":
        return redirect("settings:keys")
    principal = principal_of(request)
    form = KeyForm(request.POST, by_role=principal.role)
    if not form.is_valid():
        return index(request, form, status=400)
    try:
        _key, secret = api_key_create(
            name=form.cleaned_data["name"],
            role=form.cleaned_data["role"],
            expires_at=form.expires_at,
            actor=principal.actor,
            person=principal.user,
            by_role=principal.role,
            reads_personal_data=form.cleaned_data["reads_personal_data"]
            and principal.may(Permission.PERSONAL_DATA_READ),
        )
    except KoshaError as error:
        form.add_error(error.param if error.param in form.fields else None, str(error.message))
        return index(request, form, status=400)
    return index(request, secret=secret)


@require_POST
def revoke(request: HttpRequest, key_id: str) -> HttpResponse:
    api_key_revoke(key_id=key_id, actor=principal_of(request).actor)
    messages.success(request, _("The key was revoked; it is refused from now on."))
    return redirect("settings:keys")
