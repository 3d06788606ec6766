"""What the clients work on: an organization, keys, searchable documents, data to train on, releases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from demo.client import Json, wait_until
from demo.installation import Installation
from tests.installation import CAUSAL, Member, create_organization

ALIASES = ("production", "staging", "trial")
DOCUMENTS = 3
RELEASES = 6
PREPARATION_SECONDS = 240
SHORT_ANSWERS = {"max_tokens": 12, "passages": 1}

MAKE_KEYS = """
import json
from accounts.models import Role, User
from accounts.services import api_key_create
from audit.services import SYSTEM
from common.tenancy import organization_scope
owner = User.objects.get(email={email!r})
with organization_scope({organization!r}):
    made = [api_key_create(name=f"client {{n}}", role=Role.ADMIN, actor=SYSTEM, person=owner, by_role=None)
            for n in range({count})]
print(json.dumps([[key.id, secret] for key, secret in made]))
"""


@dataclass(frozen=True)
class FixtureData:
    organization: str
    owner: Member
    keys: tuple[tuple[str, str], ...]
    """Id and secret of a key for each client: the audit trail and the history name who did what."""
    store: str
    training_file: str
    releases: tuple[str, ...]


def text_of(number: int) -> str:
    """A regulation of one page; each has words of its own."""
    articles = (
        f"第{article}条 設備{number}の部品{article}は、係員が{article + number + 2}日ごとに点検し、記録簿に残す。"
        f"異常の値が{article * 7 + number}を超えたときは、直ちに運転を止めて係長に知らせること。"
        for article in range(1, 25)
    )
    return "\n".join((f"設備{number}管理規程", *articles))


def conversations() -> bytes:
    pairs = (
        [
            {"role": "user", "content": f"設備{number}の点検は何日ごとですか"},
            {"role": "assistant", "content": f"{number + 3}日ごとに点検します。"},
        ]
        for number in range(8)
    )
    return "\n".join(json.dumps({"messages": pair}, ensure_ascii=False) for pair in pairs).encode()


def prepare(kosha: Installation, clients: int, slug: str = "load") -> FixtureData:
    """Through the public API, but for what only an operator can do."""
    organization = create_organization(kosha, slug)
    owner, reviewer = organization.owner, organization.reviewer
    code = MAKE_KEYS.format(email=owner.email, organization=organization.id, count=clients)
    keys = kosha.ask("shell", "-v", "0", "-c", code)
    files = [
        owner.api.upload(f"規程{number}.txt", text_of(number).encode()).ok["id"]
        for number in range(DOCUMENTS)
    ]
    training_file = owner.api.upload("対話.jsonl", conversations(), "fine-tune").ok["id"]
    for file in (*files, training_file):
        _wait(owner, f"/files/{file}", lambda found: found["status"] == "processed")
    store = owner.api.post("/vector_stores", {"name": "load", "file_ids": files}).ok["id"]
    _wait(owner, f"/vector_stores/{store}", lambda found: found["index_build"] is not None)
    releases = [_approved_release(owner, reviewer, store, number) for number in range(RELEASES)]
    for alias, release in zip(ALIASES, releases, strict=False):
        owner.api.post(f"/releases/{release}/publish", {"alias": alias}).check()
    # The first answer loads the model, which is not what is measured.
    question = [{"role": "user", "content": "設備1の点検は何日ごとですか"}]
    owner.api.post("/chat/completions", {"model": ALIASES[0], "messages": question}).check()
    return FixtureData(
        organization.id, owner, tuple((id, key) for id, key in keys), store, training_file, tuple(releases)
    )


def _approved_release(owner: Member, reviewer: Member, store: str, number: int) -> str:
    body = {"model": CAUSAL, "vector_store": store, "generation": SHORT_ANSWERS, "note": str(number)}
    release = str(owner.api.post("/releases", body).ok["id"])
    reviewer.api.post(f"/releases/{release}/approve").check()
    return release


def _wait(owner: Member, path: str, is_done: Callable[[Json], bool]) -> None:
    wait_until(lambda: owner.api.get(path).ok, is_done, PREPARATION_SECONDS)
