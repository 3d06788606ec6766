"""What the clients work on: an organization, keys, searchable documents, data to train on, releases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.stack.installation import Installation

CAUSAL, EMBEDDING = "smollm2-135m", "e5-small"
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
    made = [api_key_create(name=f"client {{n}}", role=Role.ADMIN, actor=SYSTEM, created_by=owner, by_role=None)
            for n in range({count})]
print(json.dumps([[key.id, secret] for key, secret in made]))
"""


@dataclass(frozen=True)
class Ground:
    base_url: str
    organization: str
    email: str
    password: str
    owner_key: str
    keys: tuple[tuple[str, str], ...]
    """Id and secret of a key for each client: the trail and the history name who did what."""
    store: str
    conversations: str
    """A file to train on."""
    releases: tuple[str, ...]


def text_of(number: int) -> str:
    """A regulation of a page, each with words of its own."""
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


def prepare(kosha: Installation, clients: int, slug: str = "load") -> Ground:
    """Through the public API, but for what only an operator can do."""
    made = kosha.ask(
        "organization_create", "--name", f"株式会社{slug}", "--slug", slug, "--key", "load",
        "--owner", f"owner@{slug}.example", "--reviewer", f"reviewer@{slug}.example",
    )  # fmt: skip
    base_url, owner = kosha.state["base_url"], made["owner"]
    code = MAKE_KEYS.format(email=owner["email"], organization=made["organization"], count=clients)
    keys = kosha.ask("shell", "-v", "0", "-c", code)
    with _api(base_url, owner["api_key"]) as api, _api(base_url, made["reviewer"]["api_key"]) as reviewer:
        files = [
            _upload(api, f"規程{number}.txt", text_of(number).encode(), "user_data")
            for number in range(DOCUMENTS)
        ]
        talks = _upload(api, "対話.jsonl", conversations(), "fine-tune")
        for file in (*files, talks):
            _until(api, f"/files/{file}", lambda found: found["status"] == "processed")
        store = _post(api, "/vector_stores", {"name": "load", "file_ids": files})["id"]
        _until(api, f"/vector_stores/{store}", lambda found: found["index_build"] is not None)
        releases = [_release(api, reviewer, store, number) for number in range(RELEASES)]
        for alias, release in zip(ALIASES, releases, strict=False):
            _post(api, f"/releases/{release}/publish", {"alias": alias})
        # The first answer loads the model; what is measured is a machine at work.
        question = [{"role": "user", "content": "設備1の点検は何日ごとですか"}]
        _post(api, "/chat/completions", {"model": ALIASES[0], "messages": question})
    return Ground(
        base_url=base_url,
        organization=made["organization"],
        email=owner["email"],
        password=owner["password"],
        owner_key=owner["api_key"],
        keys=tuple((id, secret) for id, secret in keys),
        store=store,
        conversations=talks,
        releases=tuple(releases),
    )


def _api(base_url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{base_url}/v1", headers=headers, timeout=180, trust_env=False)


def _post(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _upload(api: httpx.Client, name: str, content: bytes, purpose: str) -> str:
    answer = api.post("/files", files={"file": (name, content)}, data={"purpose": purpose})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def _release(api: httpx.Client, reviewer: httpx.Client, store: str, number: int) -> str:
    body = {"model": CAUSAL, "vector_store": store, "generation": SHORT_ANSWERS, "note": str(number)}
    release = str(_post(api, "/releases", body)["id"])
    _post(reviewer, f"/releases/{release}/approve", {})
    return release


def _until(api: httpx.Client, path: str, done: Callable[[Any], bool]) -> None:
    deadline = time.monotonic() + PREPARATION_SECONDS
    while not done(found := api.get(path).json()):
        assert time.monotonic() < deadline, json.dumps(found, ensure_ascii=False)
        time.sleep(0.2)  # between looks
