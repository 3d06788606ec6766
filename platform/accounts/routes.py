"""The rules of this app's routes, collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Access, Permission, Rule

RULES: dict[str, Rule] = {
    "GET sign-in": Access.PUBLIC,
    "POST sign-in": Access.PUBLIC,
    "POST sign-out": Access.SIGNED_IN,
    "POST language": Access.PUBLIC,
    "POST organization": Access.SIGNED_IN,
    "GET account/password": Access.SIGNED_IN,
    "POST account/password": Access.SIGNED_IN,
    "GET account/password/forgotten": Access.PUBLIC,
    "POST account/password/forgotten": Access.PUBLIC,
    "GET account/password/links/<secret>": Access.PUBLIC,
    "GET account/password/new": Access.PUBLIC,
    "POST account/password/new": Access.PUBLIC,
    "GET invitations/<secret>": Access.PUBLIC,
    "GET invitation": Access.PUBLIC,
    "POST invitation": Access.PUBLIC,
    "POST invitation/accept": Access.SIGNED_IN,
    "GET v1/api_keys": Permission.SETTINGS_READ,
    "POST v1/api_keys": Permission.KEYS_MANAGE,
    "GET v1/api_keys/<key_id>": Permission.SETTINGS_READ,
    "DELETE v1/api_keys/<key_id>": Permission.KEYS_MANAGE,
}
