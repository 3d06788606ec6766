"""The caller of a request and its organization, and whether the route's rule allows the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from accounts.selectors import principal_by_key, principal_by_session
from common.error_answers import error_response, is_api
from common.errors import (
    Conflict,
    DeclaredError,
    IdempotencyKeyNotHonoured,
    KoshaError,
    MethodNotAllowed,
    NotAuthenticated,
    PermissionDenied,
    SignedOut,
)
from common.permissions import PAGE_ORGANIZATION, PAGE_ORGANIZATION_HEADER, Access, Permission, Rule
from common.tenancy import organization_scope
from middleware.route_rules import allowed_methods, idempotent_routes, route_rules, rule_of

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
GetResponse = Callable[[HttpRequest], HttpResponse]


class NoOrganization(DeclaredError):
    status = 403
    type = "permission_error"
    code = "no_organization"
    message = _("You are not a member of this organization any more. Choose another one on the home page.")


class OrganizationSwitched(DeclaredError, Conflict):
    code = "organization_switched"
    message = _(
        "This page was opened in another organization than the one you work in now. Nothing was changed. "
        "Switch back to that organization, or open the page again."
    )


def caller_of(request: HttpRequest) -> Principal | None:
    """By the headers and the session; the body is not read."""
    if not is_api(request):
        return principal_by_session(request)
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return principal_by_key(key.strip()) if scheme.lower() == "bearer" else None


def not_authenticated(request: HttpRequest) -> HttpResponse:
    """An error for the API and for scripts of the console; the page for signing in otherwise."""
    if is_api(request):
        return error_response(request, NotAuthenticated())
    if _asks_for_json(request):
        # A script would follow the redirect and take the page for signing in for a success.
        return error_response(request, SignedOut(), as_json=True)
    return HttpResponseRedirect(f"{reverse('sign_in')}?{urlencode({'next': request.get_full_path()})}")


class PrincipalMiddleware:
    """Identifies the caller and opens the scope of its organization around the view.

    The API accepts only bearer keys (so it needs no CSRF token), the console only sessions.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        open_routes = [key for key, rule in route_rules().items() if rule is Access.OPEN]
        self._open_paths = frozenset(f"/{route.partition(' ')[2]}" for route in open_routes)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        principal = None if request.path in self._open_paths else caller_of(request)
        request.principal = principal  # type: ignore[attr-defined]
        if principal is None or principal.organization_id is None:
            return _not_stored(self.get_response(request)) if principal else self.get_response(request)
        with organization_scope(principal.organization_id):
            return _not_stored(self.get_response(request))


def _not_stored(response: HttpResponse) -> HttpResponse:
    """What somebody may see is not kept where the next one may find it, for example by a browser after signing out."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


class AuthorizationMiddleware:
    """Refuses what `route_rules` does not allow; a route without a rule is refused to every caller."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        assert request.resolver_match is not None
        route = request.resolver_match.route
        rule = rule_of(request.method or "", route)
        principal: Principal | None = request.principal  # type: ignore[attr-defined]
        try:
            _check(principal, rule or Access.SIGNED_IN)
            if rule is None:
                raise MethodNotAllowed(allowed_methods(route))
            if is_api(request):
                _check_idempotency_key(request, route)
            is_change = request.method not in SAFE_METHODS and not is_api(request)
            if isinstance(rule, Permission) and is_change:
                _check_page(request, principal)
        except NotAuthenticated:
            return not_authenticated(request)
        except KoshaError as error:
            return error_response(request, error, as_json=_asks_for_json(request))
        return None


def _check(principal: Principal | None, rule: Rule) -> None:
    """Raise NotAuthenticated or PermissionDenied where `rule` does not allow `principal`."""
    if rule in (Access.OPEN, Access.PUBLIC):
        return
    if principal is None:
        raise NotAuthenticated
    if rule is Access.OPERATOR and not principal.is_operator:
        raise PermissionDenied
    if isinstance(rule, Permission) and not principal.may(rule):
        raise PermissionDenied if principal.organization_id or principal.is_operator else NoOrganization


def _check_idempotency_key(request: HttpRequest, route: str) -> None:
    """A caller who sends the header trusts that a repeated request does nothing twice."""
    is_honoured = f"{request.method} {route}" in idempotent_routes()
    if "Idempotency-Key" in request.headers and not is_honoured and request.method not in SAFE_METHODS:
        raise IdempotencyKeyNotHonoured


def _check_page(request: HttpRequest, principal: Principal | None) -> None:
    """The page may have been opened before the person switched to another organization in another tab."""
    opened_in = request.headers.get(PAGE_ORGANIZATION_HEADER) or request.POST.get(PAGE_ORGANIZATION)
    if principal is not None and opened_in != principal.organization_id:
        raise OrganizationSwitched


def _asks_for_json(request: HttpRequest) -> bool:
    accepted = request.headers.get("Accept", "")
    return "application/json" in accepted and "text/html" not in accepted
