"""A deployment is taken out of service and put back; an alias is not the name of a model."""

from __future__ import annotations

import openai
import pytest

from audit.models import AuditEvent
from common.errors import Conflict
from releases.models import Deployment
from releases.selectors import previous_release
from releases.services import deployment_rollback, deployment_withdraw, release_publish
from tests.in_process import api_of
from tests.world import World

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "有給休暇は何日ですか"}]


@pytest.fixture
def publish(world):
    def act(release, alias="production"):
        return release_publish(release_id=release.id, alias=alias, actor=world.actor)

    return act


@pytest.fixture
def withdraw(world):
    return lambda alias="production": deployment_withdraw(alias=alias, actor=world.actor)


@pytest.fixture
def rollback(world):
    return lambda: deployment_rollback(alias="production", actor=world.actor)


def test_an_alias_out_of_service_answers_with_its_own_code(api, world, publish, model_server):
    publish(world.release(approved=True))
    assert api.post("deployments/production/withdraw").ok["in_service"] is False
    refused = (409, "deployment_out_of_service", "model")
    body = {"model": "production", "messages": QUESTION}
    assert api.post("chat/completions", body).error == refused
    assert api.post("chat/completions", {**body, "stream": True}).error == refused
    assert api.get("models/production").error == refused
    assert "production" not in [model["id"] for model in api.get("models").ok["data"]]
    assert model_server.asked == []
    (listed,) = api.get("deployments").ok["data"]
    assert (listed["alias"], listed["in_service"]) == ("production", False)


def test_the_stock_client_raises_it(web, live_world):
    release = live_world.release(approved=True)
    release_publish(release_id=release.id, alias="production", actor=live_world.actor)
    deployment_withdraw(alias="production", actor=live_world.actor)
    client = openai.OpenAI(base_url=f"{web}/v1", api_key=live_world.key(), max_retries=0)
    with client, pytest.raises(openai.ConflictError) as refused:
        client.chat.completions.create(model="production", messages=QUESTION)
    assert refused.value.code == "deployment_out_of_service"


@pytest.mark.parametrize("again", ["publish", "rollback"])
def test_it_answers_again_after_a_publication_or_a_rollback(
    api, world, publish, withdraw, rollback, model_server, again
):
    first, second = world.release(approved=True), world.release(approved=True)
    publish(first), publish(second), withdraw()
    expected = second if again == "publish" else first
    changed = publish(second) if again == "publish" else rollback()
    assert (changed.release, changed.is_in_service) == (expected, True)
    assert api.post("chat/completions", {"model": "production", "messages": QUESTION}).ok


def test_a_withdrawal_is_in_the_history_and_the_trail_once(api, world, publish, withdraw):
    release = world.release(approved=True)
    publish(release), withdraw(), withdraw()
    history = api.get("deployments/production").ok["history"]
    assert [change["action"] for change in history] == ["withdraw", "publish"]
    (event,) = AuditEvent.objects.filter(action="release.withdrawn")
    assert (event.target_id, event.data["alias"]) == (release.id, "production")


def test_a_rollback_after_it_goes_to_the_release_before(world, publish, withdraw):
    first, second = world.release(approved=True), world.release(approved=True)
    publish(first), publish(second), withdraw()
    publish(second)
    assert previous_release(Deployment.objects.get()) == first


def test_nothing_is_rolled_back_to_where_nothing_was(world, publish, withdraw, rollback):
    publish(world.release(approved=True)), withdraw()
    with pytest.raises(Conflict, match="nothing_to_roll_back_to"):
        rollback()
    assert not Deployment.objects.get().is_in_service


@pytest.mark.parametrize("role", ["viewer", "reviewer", "editor"])
def test_only_who_may_publish_may_withdraw(world, publish, role):
    publish(world.release(approved=True))
    answer = api_of(world.key(role)).post("deployments/production/withdraw")
    assert answer.error[:2] == (403, "permission_denied")


def test_another_organizations_deployment_is_absent(db):
    with World("yoso") as foreign:
        release = foreign.release(approved=True)
        release_publish(release_id=release.id, alias="production", actor=foreign.actor)
    with World("kaku") as world:
        answer = api_of(world.key()).post("deployments/production/withdraw")
        assert answer.error == (404, "not_found", None)
    with foreign:
        assert Deployment.objects.get().is_in_service


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_console_takes_it_out_of_service(world, publish, language):
    publish(world.release(approved=True))
    browser = world.browser(language=language)
    texts = {
        "en": ("Take out of service", "Out of service"),
        "ja": ("公開を停止", "公開停止中"),
    }[language]
    assert texts[0] in browser.get("/releases/served/production").content.decode()
    page = browser.post("/releases/served/production/withdraw", follow=True).content.decode()
    assert texts[1] in page
    assert 'data-dialog="withdraw"' not in page
    assert texts[1] in browser.get("/releases").content.decode()
    assert "production" not in browser.get("/chat").content.decode()


# -- names -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["gemma", "e5"])
def test_an_alias_is_not_the_name_of_a_model(api, world, name):
    world.base_model(), world.embedding_model()
    release = world.release(approved=True)
    refused = api.post(f"releases/{release.id}/publish", {"alias": name})
    assert refused.error == (409, "alias_is_model_name", "alias")
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_the_page_offers_to_serve_again(world, publish, withdraw, role):
    first, other = world.release(approved=True), world.release(approved=True)
    publish(first), withdraw()
    page = world.browser(role).get("/releases/served/production").content.decode()
    for release in (first, other):
        assert (f"/releases/{release.id}/publish?alias=production" in page) == (role == "admin")
    assert world.browser("admin").get(f"/releases/{first.id}/publish?alias=production").status_code == 200


def test_only_the_event_that_serves_now_wears_the_state(world, publish, withdraw):
    publish(world.release(approved=True)), publish(world.release(approved=True))
    browser = world.browser(language="ja")

    def history() -> str:
        page = browser.get("/releases/served/production").content.decode()
        return page.partition('class="timeline"')[2].partition("</ol>")[0]

    assert (history().count("公開中"), history().count("<strong>公開</strong>")) == (1, 2)
    withdraw()
    assert (history().count("公開中"), history().count("<strong>公開を停止</strong>")) == (0, 1)


def test_home_says_that_it_was_taken_out_of_service(world, publish, withdraw):
    publish(world.release(approved=True)), withdraw()
    page = world.browser().get("/").content.decode()
    assert "Release 1 was taken out of service" in page and "Nothing is served yet" not in page
    assert "/releases/served/production" in page
