"""Who may use which address of this app; collected by `middleware/route_rules.py`."""

from __future__ import annotations

from common.permissions import Access, Rule
from common.permissions import Permission as P

RULES: dict[str, Rule] = {
    "GET ": Access.SIGNED_IN,
    "GET settings": P.SETTINGS_READ,
    "GET settings/members": P.SETTINGS_READ,
    "GET settings/members/invite": P.SETTINGS_READ,
    "POST settings/members/invite": P.MEMBERS_MANAGE,
    "POST settings/invitations/<invitation_id>/resend": P.MEMBERS_MANAGE,
    "POST settings/invitations/<invitation_id>/withdraw": P.MEMBERS_MANAGE,
    "POST settings/members/<membership_id>/role": P.MEMBERS_MANAGE,
    "POST settings/members/<membership_id>/personal-data/give": P.MEMBERS_MANAGE,
    "POST settings/members/<membership_id>/personal-data/withdraw": P.MEMBERS_MANAGE,
    "POST settings/members/<membership_id>/remove": P.MEMBERS_MANAGE,
    "GET settings/keys": P.SETTINGS_READ,
    "GET settings/keys/create": P.SETTINGS_READ,
    "POST settings/keys/create": P.KEYS_MANAGE,
    "POST settings/keys/<key_id>/revoke": P.KEYS_MANAGE,
    "GET settings/models": P.SETTINGS_READ,
    "GET settings/clusters": P.SETTINGS_READ,
    "GET settings/audit": P.AUDIT_READ,
}
