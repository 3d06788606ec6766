"""Reads: what a `model` name stands for in chat, and a person's conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.principal import Principal
from chat.models import Conversation, Message
from common.errors import Conflict, DeclaredError, NotFound
from common.model_server import SearchIndex
from common.tenancy import organization_scope
from documents.models import Document
from registry.models import BaseModel, BaseModelKind, ModelVersion
from registry.selectors import (
    NO_SUCH_MODEL,
    WrongModelKind,
    base_model_list,
    model_choice,
    model_version_list,
)
from releases.labels import alias_label
from releases.models import Deployment, Release
from releases.selectors import (
    deployment_list,
    deployments_in_service,
    may_test,
    release_get,
    served_releases,
    served_versions,
    unserved_releases,
)
from releases.services import GenerationSettings
from retrieval.models import KnowledgeBase
from retrieval.selectors import knowledge_base_mode, search_index
from workers.contract.specs.serving import ModelChoice

RELEASES_OFFERED = 10


class ModelNotFound(DeclaredError):
    status = 404
    code = "model_not_found"
    message = NO_SUCH_MODEL
    param = "model"


class OutOfService(DeclaredError, Conflict):
    """The alias exists and answers nothing at the moment."""

    code = "deployment_out_of_service"
    message = gettext_lazy(
        "This alias was taken out of service. Ask for another one, or have a release published under it."
    )
    param = "model"


class NotServed(DeclaredError, Conflict):
    """What answered so far in a conversation or a stream answers its reader no longer."""

    code = "model_not_served"
    message = gettext_lazy("What answered here is no longer served. Ask another model in a new conversation.")
    param = "model"


@dataclass(frozen=True)
class Target:
    """Everything an answer needs: weights, index, prompt and settings."""

    name: str
    weights: ModelChoice
    release: Release | None = None
    index: SearchIndex | None = None
    system_prompt: str = ""
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    organization_id: str = ""
    """Whose documents are cited; empty without an index."""
    is_test: bool = False
    """No deployment serves it: only those who may release can ask it, and its answers are marked."""


def target_get(name: str, principal: Principal) -> Target:
    """What `name` stands for when the principal asks: an alias or a release's id answers with its
    retrieval, a plain model without.

    Raises ModelNotFound, also for what only those who may release can ask; WrongModelKind, OutOfService.
    """
    target = _target(name, principal)
    if target.is_test and not may_test(principal):
        raise ModelNotFound
    return target


def target_again(name: str, principal: Principal) -> Target:
    """What `name` stands for where it answered the principal before.

    Raises OutOfService, and NotServed for what answers them no longer.
    """
    try:
        return target_get(name, principal)
    except ModelNotFound as error:
        raise NotServed from error


def require_answering(name: str, principal: Principal) -> None:
    """For an open stream, which may end in another scope than the request's. Raises as `target_again` does."""
    assert principal.organization_id is not None
    with organization_scope(principal.organization_id):
        target_again(name, principal)


def _target(name: str, principal: Principal) -> Target:
    if name.startswith("rel_"):
        try:
            return _of_release(name, release_get(name), principal)
        except NotFound as error:
            raise ModelNotFound from error
    found = nameable_model(name, principal)
    if isinstance(found, Deployment):
        return _of_release(name, found.release, principal)
    if isinstance(found, ModelVersion):
        is_test = not served_versions().filter(pk=found.pk).exists()
        return Target(name, model_choice(found.base_model, found), is_test=is_test)
    if found is None:
        raise ModelNotFound
    if found.kind != BaseModelKind.CAUSAL_LM:
        raise WrongModelKind(found.kind)
    return Target(name, model_choice(found, None))


def _of_release(name: str, release: Release, principal: Principal) -> Target:
    build = release.index_build
    return Target(
        name=name,
        weights=model_choice(release.base_model, release.model_version),
        release=release,
        index=search_index(build, principal) if build else None,
        system_prompt=release.system_prompt,
        organization_id=release.organization_id,
        generation=GenerationSettings.model_validate(release.generation),
        is_test=not served_releases().filter(pk=release.pk).exists(),
    )


Named = Deployment | ModelVersion | BaseModel


def nameable_model(name: str, principal: Principal) -> Named | None:
    """What stands for `name`: an alias before a version before a base model.

    Raises OutOfService.
    """
    deployment = deployment_list(principal).filter(alias=name).first()
    if deployment is not None and not deployment.is_in_service:
        raise OutOfService
    return (
        deployment
        or _nameable_versions(principal).filter(name=name).first()
        or base_model_list().filter(name=name).first()
    )


def nameable_models(principal: Principal) -> Iterator[Named]:
    """What may stand in `model`: aliases first, then versions, then base models."""
    yield from deployments_in_service(principal).order_by("alias")
    yield from _nameable_versions(principal).order_by("-id")
    yield from base_model_list().order_by("name")


def _nameable_versions(principal: Principal) -> QuerySet[ModelVersion]:
    return model_version_list() if may_test(principal) else served_versions()


def askable(principal: Principal) -> list[tuple[str, str]]:
    """Names and labels for the chat page: the aliases, under which everything that is served answers."""
    deployments = deployments_in_service(principal).order_by("alias")
    return [(one.alias, f"{alias_label(one.alias)} ({one.release})") for one in deployments]


def testable(principal: Principal) -> list[tuple[str, str]]:
    """Names and labels of what those who may release can try although no deployment serves it."""
    if not may_test(principal):
        return []
    newest = unserved_releases().order_by("-id")[:RELEASES_OFFERED]
    return [(one.id, f"{one} ({one.get_state_display()})") for one in newest]


# -- conversations ----------------------------------------------------------------------------
def conversation_list(user: User) -> QuerySet[Conversation]:
    return Conversation.objects.filter(user=user, deleted_at=None)


def conversation_get(user: User, id: str) -> Conversation:
    conversation = conversation_list(user).filter(pk=id).first()
    if conversation is None:
        raise NotFound
    return conversation


def message_list(conversation: Conversation) -> QuerySet[Message]:
    related = ("feedback", "release__index_build__knowledge_base")
    return conversation.messages.select_related(*related).order_by("id")


def withheld(messages: Iterable[Message], principal: Principal) -> set[str]:
    """Ids of the answers from raw passages whose knowledge base or document is masked for the principal by now."""
    bases = {message: _knowledge_base(message) for message in messages if message.personal_data == "raw"}
    cited = {message: set(_raw_documents(message)) for message in bases}
    masked = _masked(set[str]().union(*cited.values()))
    return {
        message.id
        for message, base in bases.items()
        if base and (cited[message] & masked or knowledge_base_mode(base, principal) == "masked")
    }


def _masked(document_ids: set[str]) -> set[str]:
    found = Document.objects.filter(pk__in=document_ids, is_masked=True)
    return set(found.values_list("pk", flat=True)) if document_ids else set()


def _knowledge_base(message: Message) -> KnowledgeBase | None:
    build = message.release.index_build if message.release else None
    return build.knowledge_base if build else None


def _raw_documents(message: Message) -> Iterator[str]:
    """Of the passages that an answer cites as they were written."""
    for annotation in message.annotations:
        cited = annotation["file_citation"]
        if cited["personal_data"] == "raw":
            yield cited["file_id"]


def answer_get(conversation: Conversation, id: str) -> Message:
    message = message_list(conversation).filter(pk=id, role="assistant").first()
    if message is None:
        raise NotFound
    return message
