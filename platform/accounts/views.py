"""Sign in, sign out, and the organization one works in."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.selectors import SESSION_ORGANIZATION, memberships_of
from common.errors import NotFound


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """POST only: a link on a foreign page must not sign anybody out."""


def choose_organization(request: HttpRequest) -> HttpResponse:
    """Work in another of one's organizations from now on; ends at home, for the page was of the one before."""
    chosen = request.POST.get("organization", "")
    assert isinstance(request.user, User)
    if chosen not in {membership.organization_id for membership in memberships_of(request.user)}:
        raise NotFound
    request.session[SESSION_ORGANIZATION] = chosen
    return redirect("home")
