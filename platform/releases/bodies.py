"""The release policy, and the decision on a release, as the API writes them."""

from __future__ import annotations

from typing import Any

from accounts.principal import Principal
from releases.approval import approval_obstacle, decision_on
from releases.models import Release, ReleasePolicy, ReleaseState


def decision_body(release: Release, principal: Principal) -> dict[str, Any]:
    """Who took part in the release, whether the caller may approve it, and who may decide on it."""
    decision = decision_on(release)
    is_open = release.state == ReleaseState.CANDIDATE
    refused = decision.refusal(principal) or approval_obstacle(decision)
    return {
        "participants": [
            {"person": each.person_id, "label": each.label, "part": each.part, "deed": each.deed}
            for each in decision.taken_part
        ],
        "may_approve": is_open and refused is None,
        "refusal": {"code": refused.code, "message": str(refused.message)} if is_open and refused else None,
        "deciders": [
            {"person": member.user_id, "label": str(member.user)}
            for member in (decision.deciders() if is_open else [])
        ],
    }


def policy_body(policy: ReleasePolicy | None) -> dict[str, Any]:
    """Without an id, the platform's default gate is in force."""
    return {
        "id": policy.id if policy else None,
        "object": "release_policy",
        "eval": policy.suite_id if policy else None,
        "set_by": {"kind": policy.actor_kind, "label": policy.actor_label} if policy else None,
    }
