"""Members: who belongs to the organization, in which role, since when; and who is invited."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.invitations import invitation_create, invitation_resend, invitation_withdraw
from accounts.models import Invitation, Role
from accounts.personal_data import personal_data_right_set
from accounts.principal import principal_of
from accounts.selectors import invitation_list, membership_get, membership_list
from accounts.services import membership_remove, membership_set
from common.errors import Conflict, KoshaError
from common.forms import refuse
from common.mail import is_mail_set
from common.pagination import keyset_page
from common.tenancy import current_organization_id
from console.settings.forms import ROLE_SENTENCES, InvitationForm, role_choices


def index(
    request: HttpRequest,
    form: InvitationForm | None = None,
    *,
    invited: Invitation | None = None,
    link: str | None = None,
    status: int = 200,
) -> HttpResponse:
    role = principal_of(request).role
    context = {
        "page": keyset_page(membership_list(), after=request.GET.get("after"), order="asc"),
        "invitations": invitation_list(),
        "form": form or InvitationForm(by_role=role),
        "roles": role_choices(role),
        "role_sentences": [(Role(role).label, sentence) for role, sentence in ROLE_SENTENCES.items()],
        "invited": invited,
        "link": link,
        "is_mail_set": is_mail_set(),
    }
    return render(request, "settings/members.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself, not a redirect: a link that is shown is in this answer and nowhere else.

    GET is this page opened again by its address.
    """
    if request.method != "POST":
        return redirect("settings:members")
    principal = principal_of(request)
    form = InvitationForm(request.POST, by_role=principal.role)
    if not form.is_valid():
        return index(request, form, status=400)
    try:
        invited, link = invitation_create(
            **form.cleaned_data, actor=principal.actor, invited_by=principal.user, by_role=principal.role
        )
    except KoshaError as error:
        refuse(form, error)
        return index(request, form, status=400)
    return index(request, invited=invited, link=link)


@never_cache
@require_POST
def resend(request: HttpRequest, invitation_id: str) -> HttpResponse:
    principal = principal_of(request)
    invited, link = invitation_resend(
        invitation_id=invitation_id,
        actor=principal.actor,
        resent_by=principal.user,
        by_role=principal.role,
    )
    return index(request, invited=invited, link=link)


@require_POST
def withdraw(request: HttpRequest, invitation_id: str) -> HttpResponse:
    principal = principal_of(request)
    invitation = invitation_withdraw(
        invitation_id=invitation_id, actor=principal.actor, by_role=principal.role
    )
    messages.success(request, _("The invitation of %(email)s was withdrawn.") % {"email": invitation.email})
    return redirect("settings:members")


@require_POST
def set_role(request: HttpRequest, membership_id: str) -> HttpResponse:
    principal = principal_of(request)
    membership = membership_get(membership_id)
    try:
        membership_set(
            organization_id=current_organization_id(),
            user=membership.user,
            role=request.POST.get("role", ""),
            actor=principal.actor,
            by_role=principal.role,
        )
    except Conflict as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("The role of %(name)s was changed.") % {"name": membership.user})
    return redirect("settings:members")


@require_POST
def personal_data(request: HttpRequest, membership_id: str, reads: bool) -> HttpResponse:
    try:
        membership = personal_data_right_set(
            membership_id=membership_id, reads=reads, principal=principal_of(request)
        )
    except Conflict as error:
        messages.warning(request, str(error.message))
        return redirect("settings:members")
    text = (
        _("%(name)s sees personal data as written.") if reads else _("%(name)s sees masked text from now on.")
    )
    messages.success(request, text % {"name": membership.user})
    return redirect("settings:members")


@require_POST
def remove(request: HttpRequest, membership_id: str) -> HttpResponse:
    principal = principal_of(request)
    membership = membership_get(membership_id)
    try:
        membership_remove(membership_id=membership_id, actor=principal.actor, by_role=principal.role)
    except Conflict as error:
        messages.warning(request, str(error.message))
    else:
        messages.success(request, _("%(name)s is no longer a member.") % {"name": membership.user})
    return redirect("settings:members")
