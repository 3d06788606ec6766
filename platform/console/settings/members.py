"""Members: who belongs to the organization, in which role, since when."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.models import Membership, Role
from accounts.principal import principal_of
from accounts.selectors import membership_get, membership_list
from accounts.services import member_add, membership_remove, membership_set
from common.errors import KoshaError
from common.pagination import keyset_page
from common.tenancy import current_organization_id
from console.settings.forms import ROLE_SENTENCES, MemberForm, role_choices


def index(
    request: HttpRequest,
    form: MemberForm | None = None,
    *,
    added: Membership | None = None,
    password: str | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "page": keyset_page(membership_list(), after=request.GET.get("after"), order="asc"),
        "form": form or MemberForm(by_role=principal_of(request).role),
        "roles": role_choices(principal_of(request).role),
        "role_sentences": [(Role(role).label, sentence) for role, sentence in ROLE_SENTENCES.items()],
        "added": added,
        "password": password,
    }
    return render(request, "settings/members.html", context, status=status)


@never_cache
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself, not a redirect: the password is in this answer and nowhere else."""
    principal = principal_of(request)
    form = MemberForm(request.POST, by_role=principal.role)
    if not form.is_valid():
        return index(request, form, status=400)
    email = form.cleaned_data["email"]
    try:
        membership, password = member_add(
            organization_id=current_organization_id(),
            email=email,
            name=form.cleaned_data["name"] or email.partition("@")[0],
            role=form.cleaned_data["role"],
            actor=principal.actor,
            by_role=principal.role,
        )
    except KoshaError as error:
        form.add_error(error.param if error.param in form.fields else None, str(error.message))
        return index(request, form, status=400)
    return index(request, added=membership, password=password)


@require_POST
def set_role(request: HttpRequest, membership_id: str) -> HttpResponse:
    principal = principal_of(request)
    membership = membership_get(membership_id)
    membership_set(
        organization_id=current_organization_id(),
        user=membership.user,
        role=request.POST.get("role", ""),
        actor=principal.actor,
        by_role=principal.role,
    )
    messages.success(request, _("The role of %(name)s was changed.") % {"name": membership.user})
    return redirect("settings:members")


@require_POST
def remove(request: HttpRequest, membership_id: str) -> HttpResponse:
    principal = principal_of(request)
    membership = membership_get(membership_id)
    membership_remove(membership_id=membership_id, actor=principal.actor, by_role=principal.role)
    messages.success(request, _("%(name)s is no longer a member.") % {"name": membership.user})
    return redirect("settings:members")
