"""Methods, headers and repeats, as HTTP and the stock client understand them."""

from __future__ import annotations

import gzip

import httpx
import openai
import pytest

from common.errors import Conflict, InvalidRequest, NotReadyYet, Unavailable
from middleware.route_rules import idempotent_routes, route_rules
from releases.services import deployment_withdraw, release_publish
from tests.in_process import DjangoTransport

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "files", "GET, HEAD, POST"),
        ("DELETE", "chat/completions", "POST"),
        ("HEAD", "chat/completions", "POST"),
        ("OPTIONS", "models/gemma", "DELETE, GET, HEAD"),
    ],
)
def test_a_method_that_is_not_taken_says_which_are(api, method, path, allowed):
    answer = api.request(method, path)
    assert answer.error[:2] == (405, "method_not_allowed") if method != "HEAD" else answer.status == 405
    assert answer.headers["Allow"] == allowed


def test_head_has_the_headers_of_get_and_no_body(api, world):
    document = world.document(text="本文")
    for path in ("files", "models", f"files/{document.id}", f"files/{document.id}/content"):
        got, head = api.get(path), api.request("HEAD", path)
        assert (head.status, head.content) == (200, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert api.request("HEAD", "files/file-x").status == 404


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_an_encoded_body_is_refused_by_name(api, encoding):
    headers = {"Content-Encoding": encoding}
    answer = api.post("datasets", gzip.compress(b'{"name": "a"}'), headers=headers)
    assert answer.error == (415, "unsupported_content_encoding", "Content-Encoding")


def test_a_body_that_is_named_unencoded_is_read(api):
    assert api.post("datasets", b'{"name": "a"}', headers={"Content-Encoding": "identity"}).ok


# -- repeats ----------------------------------------------------------------------------------
@pytest.fixture
def client(world):
    """It repeats what it may, without a wait worth naming."""
    transport = Counted()
    made = openai.OpenAI(
        base_url="http://testserver/v1",
        api_key=world.key(),
        max_retries=1,
        http_client=httpx.Client(transport=transport),
    )
    return made, transport


class Counted(DjangoTransport):
    sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        answer = super().handle_request(request)
        answer.headers.pop("Retry-After", None)
        return answer


def test_the_stock_client_sends_a_lasting_conflict_once(client, world):
    release = world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=world.actor)
    deployment_withdraw(alias="production", actor=world.actor)
    with pytest.raises(openai.ConflictError) as refused:
        client[0].chat.completions.create(model="production", messages=[{"role": "user", "content": "?"}])
    assert refused.value.code == "deployment_out_of_service"
    assert client[1].sent == 1


def test_the_stock_client_repeats_what_passes_by_itself(client, world):
    waiting = world.upload()
    with pytest.raises(openai.ConflictError) as refused:
        client[0].get(f"/files/{waiting.id}/pages", cast_to=object)
    assert refused.value.code == "document_not_ready"
    assert client[1].sent == 2


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Conflict("a", "b"), {"x-should-retry": "false"}),
        (NotReadyYet("a", "b"), {"Retry-After": "5"}),
        (Unavailable("a", "b"), {"Retry-After": "5"}),
        (InvalidRequest("a", "b"), {}),
    ],
    ids=["conflict", "not ready yet", "unavailable", "invalid"],
)
def test_an_answer_says_whether_to_repeat_it(error, headers):
    assert error.headers() == headers


def test_an_index_that_never_comes_is_a_lasting_conflict(api, world):
    world.base_model()
    for documents, repeat in (([], "false"), ([world.upload()], None)):
        store = world.knowledge_base(documents, name=str(repeat))
        refused = api.post("releases", {"model": "gemma", "vector_store": store.id})
        assert refused.error == (409, "index_build_not_ready", "vector_store")
        assert refused.headers.get("x-should-retry") == repeat


# -- Idempotency-Key --------------------------------------------------------------------------
KEY = {"Idempotency-Key": "k-1"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "datasets"), ("POST", "files"), ("POST", "chat/completions"), ("DELETE", "files/file-x")],
)
def test_an_idempotency_key_is_refused_where_it_is_not_honoured(api, method, path):
    answer = api.request(method, path, headers=KEY)
    assert answer.error == (400, "idempotency_key_not_honoured", "Idempotency-Key")


def test_an_idempotency_key_does_no_harm_where_nothing_changes(api):
    assert api.request("GET", "files", headers=KEY).ok


def test_the_description_names_the_addresses_that_honour_an_idempotency_key(api):
    assert idempotent_routes() and idempotent_routes() <= route_rules().keys()
    described = {
        f"{method.upper()} {path.removeprefix('/').replace('{', '<').replace('}', '>')}"
        for path, methods in api.get("openapi.json").ok["paths"].items()
        for method, operation in methods.items()
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    }
    assert described == idempotent_routes()


@pytest.mark.services
def test_head_through_the_real_web(web, live_world):
    document = live_world.document(text="本文")
    headers = {"Authorization": f"Bearer {live_world.key()}"}
    with httpx.Client(base_url=f"{web}/v1/", headers=headers) as client:
        for path in ("models", f"files/{document.id}/content"):
            head = client.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert client.get(path).headers["Content-Length"] == head.headers["Content-Length"]
