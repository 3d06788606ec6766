"""Who asks, in which organization, and whether the route's rule allows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.principal import Principal
from accounts.selectors import principal_by_key, principal_by_session
from common.error_answers import error_response, is_api
from common.errors import KoshaError, MethodNotAllowed, NotAuthenticated, PermissionDenied
from common.permissions import Access, Permission, Rule
from common.tenancy import organization_scope
from middleware.route_rules import open_paths, route_rules

GetResponse = Callable[[HttpRequest], HttpResponse]


class PrincipalMiddleware:
    """Finds who asks and opens that organization's scope around the view.

    The API takes bearer keys only (so it needs no CSRF token), the console sessions only.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._open_paths = open_paths()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        principal = None if request.path in self._open_paths else self._principal(request)
        request.principal = principal  # type: ignore[attr-defined]
        if principal is None or principal.organization_id is None:
            return self.get_response(request)
        with organization_scope(principal.organization_id):
            return self.get_response(request)

    def _principal(self, request: HttpRequest) -> Principal | None:
        if is_api(request):
            scheme, _, key = request.headers.get("Authorization", "").partition(" ")
            return principal_by_key(key.strip()) if scheme.lower() == "bearer" else None
        return principal_by_session(request)


class AuthorizationMiddleware:
    """Refuses what `route_rules` does not allow; a route that is not in it is refused to everybody."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._rules = route_rules()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        assert request.resolver_match is not None
        method = "GET" if request.method == "HEAD" else request.method
        rule = self._rules.get(f"{method} {request.resolver_match.route}")
        principal: Principal | None = request.principal  # type: ignore[attr-defined]
        try:
            _check(principal, rule or Access.SIGNED_IN)
            if rule is None:
                raise MethodNotAllowed
        except NotAuthenticated as error:
            if is_api(request):
                return error_response(request, error)
            return HttpResponseRedirect(
                f"{reverse('sign_in')}?{urlencode({'next': request.get_full_path()})}"
            )
        except KoshaError as error:
            return error_response(request, error)
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
        raise PermissionDenied
