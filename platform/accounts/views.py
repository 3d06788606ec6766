"""Sign-in, sign-out, the user's own password, and the organization of the session."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from accounts.browsers import browser_remember
from accounts.forms import TOO_MANY, PasswordForm, SignInForm
from accounts.models import User
from accounts.principal import principal_of
from accounts.selectors import SESSION_ORGANIZATION, memberships_of, session_organization
from accounts.services import session_note
from common.errors import NotFound

SESSION_SIGN_IN_ADDRESS = "sign_in_address"
"""The address that the form begins with: that of an invitation."""


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "username": self.request.session.get(SESSION_SIGN_IN_ADDRESS, "")}

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        begin_session(self.request, response, form.get_user())
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        status = 429 if form.has_error("__all__", TOO_MANY) else 200
        return self.render_to_response(self.get_context_data(form=form), status=status)


def begin_session(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """After `login`: choose the session's organization, remember the browser, record it."""
    browser_remember(request, response, user.email)
    session_note(user=user, organization_id=session_organization(request, user), action="session.signed_in")


class SignOut(LogoutView):
    """POST only, so that a link on a foreign page cannot sign a user out."""

    @transaction.atomic
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        principal = principal_of(request)
        if principal.user is not None:
            session_note(
                user=principal.user, organization_id=principal.organization_id, action="session.signed_out"
            )
        return super().post(request, *args, **kwargs)


class ChangePassword(PasswordChangeView):
    """Changes the user's own password; every other session of the user ends."""

    template_name = "accounts/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("home")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_invalid(self, form: Any) -> HttpResponse:
        status = 429 if form.has_error("old_password", TOO_MANY) else 200
        return self.render_to_response(self.get_context_data(form=form), status=status)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        principal = principal_of(self.request)
        session_note(
            user=form.user, organization_id=principal.organization_id, action="member.password_changed"
        )
        messages.success(self.request, _("The password was changed."))
        return response


def choose_organization(request: HttpRequest) -> HttpResponse:
    """Switch to another organization of the user, and show its home page."""
    chosen = request.POST.get("organization", "")
    assert isinstance(request.user, User)
    if chosen not in {membership.organization_id for membership in memberships_of(request.user)}:
        raise NotFound
    request.session[SESSION_ORGANIZATION] = chosen
    return redirect("home")
