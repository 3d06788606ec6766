"""The release policy: which gate a model version must pass before it is released."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Organization
from audit.services import Actor, audit_record
from common.errors import Conflict
from common.tenancy import current_organization_id
from evaluations.models import Evaluation, Suite, Verdict
from evaluations.selectors import equivalent_suites, latest_verdicts
from registry.models import ModelVersion
from releases.models import ReleasePolicy


def policy_current() -> ReleasePolicy | None:
    """None: the gate of the platform's default suite is in force."""
    return ReleasePolicy.objects.select_related("suite").order_by("-number").first()


def policy_name(policy: ReleasePolicy | None) -> str:
    return str(policy) if policy else _("the default suite")


@transaction.atomic
def policy_set(*, suite: Suite, actor: Actor) -> ReleasePolicy:
    """From now on, releases need a verdict of `suite`, or of one that demands the same."""
    organization_lock()
    current = policy_current()
    if current is not None and current.suite_id == suite.id:
        return current
    policy = ReleasePolicy.objects.create(
        number=current.number + 1 if current else 1,
        suite=suite,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
    )
    audit_record(
        organization_id=policy.organization_id,
        actor=actor,
        action="release_policy.set",
        target_type="release_policy",
        target_id=policy.id,
        data={"suite": suite.id, "number": policy.number},
    )
    return policy


def organization_lock() -> None:
    """Until the end of the transaction, neither the policy nor a member's role changes."""
    Organization.objects.select_for_update(no_key=True).get(pk=current_organization_id())


def policy_suites(policy: ReleasePolicy | None) -> set[str]:
    """The ids of the suites whose verdict counts under the policy."""
    return set(equivalent_suites(policy.suite if policy else None).values_list("id", flat=True))


def require_suite_of_policy(suite: Suite, *, param: str | None = None) -> None:
    """Raise Conflict `suite_not_of_policy` for a suite whose verdict would not allow a release."""
    policy = policy_current()
    if suite.id not in policy_suites(policy):
        raise Conflict(
            "suite_not_of_policy",
            _(
                "The release policy demands the gate of “%(suite)s”. A version that passes another one cannot "
                "be released. Choose that suite, or have an administrator change the policy."
            ),
            param=param,
            values={"suite": policy_name(policy)},
        )


def policy_verdicts(versions: list[ModelVersion], policy: ReleasePolicy | None) -> dict[str, Evaluation]:
    """The verdict that counts for each version, by its id; versions without one are left out."""
    return latest_verdicts(versions, equivalent_suites(policy.suite if policy else None))


def verdict_in_force(version: ModelVersion) -> Evaluation | None:
    """The version's verdict that counts under the policy in force."""
    return policy_verdicts([version], policy_current()).get(version.id)


def passed_evaluation(version: ModelVersion, policy: ReleasePolicy | None) -> Evaluation:
    """The verdict that allows a release of the version. Raises Conflict `not_evaluated`, `gate_inconclusive`, `gate_failed`."""
    evaluation = policy_verdicts([version], policy).get(version.id)
    if evaluation is None:
        raise Conflict(
            "not_evaluated",
            _(
                "This model version has no verdict of the gate that the release policy demands. "
                "Evaluate it with “%(suite)s” first."
            ),
            param="model",
            values={"suite": policy_name(policy)},
        )
    if evaluation.verdict == Verdict.INCONCLUSIVE:
        raise Conflict(
            "gate_inconclusive",
            _(
                "The evaluation of this model version did not decide its gate, so it cannot be released. The "
                "evaluation names the reason and what to do."
            ),
            param="model",
        )
    if not evaluation.passed:
        raise Conflict(
            "gate_failed",
            _("This model version did not pass its gate. Release the base model, or train again."),
            param="model",
        )
    return evaluation
