"""One object of every kind that an address can name, in one organization."""

from __future__ import annotations

from accounts.invitations import invitation_create
from accounts.passwords import password_link
from common.ids import new_id
from curation.services import recipe_create
from documents.models import Document
from documents.uploads import upload_create, upload_part_add
from registry.models import BaseModel, BaseModelGrant
from registry.services import export_create
from releases.services import release_publish
from retrieval.services import batch_create
from schedules.services import schedule_fire
from sources.places import BucketPlace
from sources.services import source_create
from tests.world import World
from workers.contract.specs.curation import DEFAULT_RECIPE

ABSENT_PREFIXES = {
    "file_id": "file-",
    "document_id": "file-",
    "upload_id": "upload_",
    "recipe_id": "recipe_",
    "dataset_id": "ds_",
    "version_id": "dsv_",
    "base_model_id": "bm_",
    "model": "ft:gemma:",
    "model_version_id": "model_",
    "ftjob_id": "ftjob-",
    "job_id": "job_",
    "eval_id": "eval_",
    "run_id": "evalrun_",
    "evaluation_id": "evalrun_",
    "suite_id": "eval_",
    "training_id": "ftjob-",
    "knowledge_id": "vs_",
    "checkpoint_id": "ftckpt-",
    "schedule_run_id": "schedrun_",
    "vector_store_id": "vs_",
    "batch_id": "vsfb_",
    "release_id": "rel_",
    "alias": "nowhere-",
    "schedule_id": "sched_",
    "source_id": "src_",
    "sync_id": "sync_",
    "conversation_id": "conv_",
    "message_id": "msg_",
    "membership_id": "member_",
    "key_id": "key_",
    "invitation_id": "invite_",
    "invitation_secret": "",
    "password_secret": "",
}


BUCKET = BucketPlace(endpoint="https://s3.example.co.jp", bucket="documents")


def absent() -> dict[str, str]:
    """Well-formed ids of no object."""
    return {name: new_id(prefix) for name, prefix in ABSENT_PREFIXES.items()} | {"number": "999"}


def things(
    world: World, *, alias: str, base_model_name: str, pages: int = 1, document: Document | None = None
) -> dict[str, str]:
    """Create the objects inside the world's scope, of `document` or one of their own; returns their ids by the placeholders
    of the routes."""
    private = BaseModel.objects.filter(name=base_model_name).first() or world.base_model(
        base_model_name, open_to_all=False
    )
    BaseModelGrant.objects.get_or_create(organization_id=world.organization.id, base_model=private)
    document = document or world.document(media_type="application/pdf", pages=pages)
    version = world.model_version(version=world.dataset_version())
    evaluation = world.evaluation(version)
    export_create(version=version, format="adapter", actor=world.actor)
    knowledge_base = world.knowledge_base([document])
    release = world.release(version, knowledge_base.current_build, approved=True)
    release_publish(release_id=release.id, alias=alias, actor=world.actor)
    scheduled = schedule_fire(schedule=world.schedule(), actor=world.actor)
    run = world.training_run(version=world.dataset_version(world.dataset("訓練")))
    upload = upload_create(
        name="a.txt", purpose="user_data", size=3, media_type="text/plain", actor=world.actor
    )
    part = upload_part_add(upload_id=upload.id, chunks=[b"abc"], actor=world.actor)
    recipe = recipe_create(
        name="手順", content={"steps": DEFAULT_RECIPE.model_dump(mode="json")["steps"]}, actor=world.actor
    )
    source = source_create(name="共有", place=BUCKET, secret="", interval_minutes=0, actor=world.actor)
    return {
        "file_id": document.id,
        "document_id": document.id,
        "number": str(pages),
        "upload_id": upload.id,
        "part_id": part.id,
        "recipe_id": recipe.id,
        "dataset_id": evaluation.dataset_version.dataset_id,
        "version_id": evaluation.dataset_version_id,
        "base_model_id": private.id,
        "model": version.name,
        "model_version_id": version.id,
        "ftjob_id": run.id,
        "job_id": run.job_id,
        "eval_id": evaluation.suite_id,
        "run_id": evaluation.id,
        "evaluation_id": evaluation.id,
        "suite_id": evaluation.suite_id,
        "training_id": run.id,
        "knowledge_id": knowledge_base.id,
        "schedule_run_id": scheduled.id,
        "vector_store_id": knowledge_base.id,
        "batch_id": batch_create(knowledge_base=knowledge_base, documents=[document], actor=world.actor).id,
        "release_id": release.id,
        "alias": alias,
        "schedule_id": scheduled.schedule_id,
        "source_id": source.id,
        "sync_id": source.syncs.get().id,
        "organization_id": world.organization.id,
        "membership_id": world.membership("viewer").id,
        "key_id": world.api_key("viewer").id,
        **_links(world),
        **_conversation(world),
    }


def _links(world: World) -> dict[str, str]:
    invitation, link = invitation_create(
        email=f"new@{world.slug}.example", role="viewer", actor=world.actor, invited_by=None, by_role=None
    )
    assert link is not None
    return {
        "invitation_id": invitation.id,
        "invitation_secret": link.rpartition("/")[2],
        "password_secret": password_link(user=world.person("viewer")).rpartition("/")[2],
    }


def _conversation(world: World) -> dict[str, str]:
    from chat.models import Conversation, Message

    # A conversation is private to its person, so it belongs to the owner.
    conversation = Conversation.objects.create(user=world.person("owner"), alias="production")
    message = Message.objects.create(conversation=conversation, role="assistant", content="答え")
    return {"conversation_id": conversation.id, "message_id": message.id}
