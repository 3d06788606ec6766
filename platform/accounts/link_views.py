"""The pages behind one-time links: accepting an invitation, and setting a password.

Opening a link stores its hash in the session and leads to an address without the secret, which then stands neither in
the history of the browser nor in the log of a proxy for longer than needed.
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.attempt_limits import TooManyAttempts
from accounts.forms import FirstPasswordForm, ForgottenPasswordForm, NewAccountForm
from accounts.invitations import invitation_accept, invitation_of, invited_account_make
from accounts.links import digest_of
from accounts.models import Invitation, User
from accounts.passwords import password_forgotten, password_link_of, password_set
from accounts.selectors import SESSION_ORGANIZATION
from accounts.views import SESSION_SIGN_IN_ADDRESS, begin_session
from common.mail import is_mail_set

SESSION_INVITATION = "invitation"
SESSION_PASSWORD_LINK = "password_link"  # noqa: S105 - a key of the session
BACKEND = "django.contrib.auth.backends.ModelBackend"


# -- invitations ----------------------------------------------------------------------------------
@never_cache
def open_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    sha256 = digest_of(secret)
    invitation_of(sha256)
    request.session[SESSION_INVITATION] = sha256
    return redirect("invitation")


@never_cache
def invitation(request: HttpRequest) -> HttpResponse:
    """The invitation; for somebody who is not signed in, with the form of a new account.

    The answers do not depend on whether the address has an account.
    """
    sha256 = request.session.get(SESSION_INVITATION, "")
    found = invitation_of(sha256)
    if request.method != "POST":
        return _invitation_page(request, found, NewAccountForm(email=found.email))
    form = NewAccountForm(request.POST, email=found.email)
    if request.user.is_authenticated or not form.is_valid():
        return _invitation_page(request, found, form, status=400)
    invited_account_make(
        sha256=sha256, name=form.cleaned_data["name"], password=form.cleaned_data["password2"]
    )
    request.session[SESSION_SIGN_IN_ADDRESS] = found.email
    messages.info(
        request,
        _(
            "Sign in with this address to accept. If nobody had used it here before, the password is the one you just set; "
            "an account that was in use has kept its own."
        ),
    )
    return redirect(_sign_in_url())


def _sign_in_url() -> str:
    return f"{reverse('sign_in')}?next={reverse('invitation')}"


def _invitation_page(
    request: HttpRequest, invitation: Invitation, form: NewAccountForm, *, status: int = 200
) -> HttpResponse:
    is_own = isinstance(request.user, User) and request.user.email == invitation.email
    context = {
        "invitation": invitation,
        "form": form,
        "is_own": is_own,
        "sign_in_url": _sign_in_url(),
    }
    return render(request, "accounts/invitation.html", context, status=status)


@require_POST
def accept_invitation(request: HttpRequest) -> HttpResponse:
    """The running session stays in its organization; a session without one begins to work in the new one."""
    assert isinstance(request.user, User)
    membership = invitation_accept(sha256=request.session.get(SESSION_INVITATION, ""), user=request.user)
    del request.session[SESSION_INVITATION]
    request.session.setdefault(SESSION_ORGANIZATION, membership.organization_id)
    messages.success(
        request,
        _("You are a member of %(name)s now. Change to it with the menu of your organizations.")
        % {"name": membership.organization},
    )
    return redirect("home")


# -- passwords ------------------------------------------------------------------------------------
@never_cache
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The answer does not depend on whether the address has an account."""
    form = ForgottenPasswordForm(request.POST or None)
    status, is_sent = 200, False
    if request.method == "POST" and is_mail_set() and form.is_valid():
        try:
            password_forgotten(email=form.cleaned_data["email"], address=request.META.get("REMOTE_ADDR", ""))
            is_sent = True
        except TooManyAttempts as error:
            form.add_error(None, str(error.message))
            status = error.status
    context = {"form": form, "is_sent": is_sent, "is_mail_set": is_mail_set()}
    return render(request, "accounts/forgotten.html", context, status=status)


@never_cache
def open_password_link(request: HttpRequest, secret: str) -> HttpResponse:
    sha256 = digest_of(secret)
    password_link_of(sha256)
    request.session[SESSION_PASSWORD_LINK] = sha256
    return redirect("new_password")


@never_cache
def new_password(request: HttpRequest) -> HttpResponse:
    sha256 = request.session.get(SESSION_PASSWORD_LINK, "")
    link = password_link_of(sha256)
    form = FirstPasswordForm(link.user, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "person": link.user}
        return render(request, "accounts/new_password.html", context, status=400 if form.errors else 200)
    return _password_given(request, sha256, form.cleaned_data["new_password1"])


@transaction.atomic
def _password_given(request: HttpRequest, sha256: str, password: str) -> HttpResponse:
    user = password_set(sha256=sha256, password=password)
    login(request, user, backend=BACKEND)
    request.session.pop(SESSION_PASSWORD_LINK, None)
    response = redirect("home")
    begin_session(request, response, user)
    messages.success(request, _("The password was changed."))
    return response
