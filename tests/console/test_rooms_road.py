"""The rooms of the road: training, models, evaluation, releases, knowledge, chat and schedules."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from chat.models import Feedback
from jobs.models import Job
from releases.models import Approval, Deployment, Release
from schedules.models import Schedule, ScheduledRun
from tests.console.road import Road, base_model
from training.models import TrainingRun

pytestmark = pytest.mark.slow

ROOMS = ("training", "evaluations", "releases", "knowledge", "chat", "schedules")


@pytest.fixture
def road(company) -> Road:
    return Road(company)


@pytest.fixture
def walked(road):
    """Everything once, with the address of each thing's page."""
    version = road.dataset_version()
    document = road.company.document("旅費規程.txt")
    model = road.model(version)
    evaluation = road.evaluation(model, version)
    knowledge = road.knowledge([document])
    release = road.release(model, knowledge, state="published")
    return {
        "version": version,
        "document": document,
        "run": road.run(version),
        "model": model,
        "evaluation": evaluation,
        "knowledge": knowledge,
        "release": release,
        "schedule": road.schedule(version),
        "conversation": road.conversation(release, document),
    }


# -- every page, in both languages ----------------------------------------------------------------
def pages(walked) -> list[str]:
    things = ("run", "model", "evaluation", "knowledge", "release", "schedule", "conversation")
    evaluation = walked["evaluation"].get_absolute_url()
    return [
        *(f"/{room}" for room in ROOMS),
        *(f"/{room}/new" for room in ("training", "evaluations", "releases", "knowledge", "schedules")),
        "/training/models",
        "/releases/served/production",
        *(walked[name].get_absolute_url() for name in things),
        f"{evaluation}/items",
        f"{evaluation}/items?kind=text",
        f"{evaluation}/items?kind=closed&changed=1",
        f"{walked['schedule'].get_absolute_url()}/edit",
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_drawn(walked, company, language):
    client = company.client(language=language)
    for page in pages(walked):
        answer = client.get(page)
        assert answer.status_code == 200, page
        body = answer.content.decode()
        assert f'<html lang="{language}"' in body
        assert " style=" not in body and "onclick=" not in body, page


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_a_reader_sees_no_button_that_writes(walked, company, role):
    """Every form on a page leads to an address the reader may use."""
    from django.urls import resolve

    from accounts.permissions import ROLE_PERMISSIONS
    from common.permissions import Permission
    from middleware.route_rules import route_rules

    client = company.client(role)
    for page in pages(walked):
        answer = client.get(page)
        if answer.status_code == 403:
            continue
        if "/chat/" in page:
            assert answer.status_code == 404
            continue
        for action in _actions(answer.content.decode()):
            rule = route_rules()[f"POST {resolve(action).route}"]
            assert not isinstance(rule, Permission) or rule in ROLE_PERMISSIONS[role], (page, action)


def _actions(body: str) -> list[str]:
    import re

    return re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"', body)


def test_another_organizations_things_are_absent(walked, stranger):
    client = stranger.client()
    for name in ("run", "model", "evaluation", "knowledge", "release", "schedule", "conversation"):
        assert client.get(walked[name].get_absolute_url()).status_code == 404
    assert client.get("/releases/served/production").status_code == 404


@pytest.mark.parametrize("room", ROOMS)
def test_an_empty_room_says_what_to_do_first(company, room):
    body = company.client().get(f"/{room}").content.decode()
    assert 'class="empty"' in body


def test_forms_with_nothing_to_choose_say_what_is_missing(company):
    client = company.client()
    for room in ("training", "evaluations", "schedules"):
        body = client.get(f"/{room}/new").content.decode()
        assert reverse("datasets:index") in body and 'class="empty"' in body


@pytest.mark.parametrize(
    ("query", "shown"),
    [("kind=open", 20), ("kind=open&start=20", 20), ("kind=text", 20), ("kind=open&changed=1", 13)],
)
def test_items_are_browsed_by_kind(walked, company, query, shown):
    page = company.client().get(f"{walked['evaluation'].get_absolute_url()}/items?{query}")
    items = page.context["shown"].items
    assert len(items) == shown
    assert {item.type for item in items} == {"text" if "text" in query else "answer"}


# -- training -------------------------------------------------------------------------------------
def training_form(version, **changed) -> dict:
    from training.forms import TrainingForm

    with version_scope(version):
        initial = {name: field.initial for name, field in TrainingForm().fields.items()}
    given = {name: value for name, value in initial.items() if value not in (None, "")}
    return {
        **given,
        "model": base_model().name,
        "dataset_version": version.id,
        "method": "continued_pretraining",
        "suffix": "rules",
        **changed,
    }


def version_scope(version):
    from common.tenancy import organization_scope

    return organization_scope(version.organization_id)


def test_a_training_is_started_from_the_form(road, company):
    version = road.dataset_version()
    answer = company.client().post("/training/new", training_form(version, epochs=2, learning_rate="0.0003"))
    assert answer.status_code == 302
    with company.scope():
        run = TrainingRun.objects.get()
        assert run.hyperparameters["epochs"] == 2
        assert run.hyperparameters["learning_rate"] == 0.0003
        assert answer.url == run.get_absolute_url()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("epochs", "0", "greater than or equal to 1"),
        ("learning_rate", "0", "greater than 0"),
        ("sequence_length", "8192", "at least the sequence length"),
        ("suffix", "Große", "small letters"),
    ],
)
def test_a_wrong_setting_is_told_at_its_field(road, company, field, value, says):
    version = road.dataset_version()
    answer = company.client().post("/training/new", training_form(version, **{field: value}))
    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert says in str(errors)
    assert set(errors) == ({"tokens_per_step"} if field == "sequence_length" else {field})
    with company.scope():
        assert not TrainingRun.objects.exists()


def test_the_estimate_follows_the_settings(road, company):
    version = road.dataset_version()
    client = company.client()
    few = client.get("/training/estimate", training_form(version, max_steps=3)).content.decode()
    assert '<dd class="number">3</dd>' in few
    assert "Nothing was trained on this base model yet" in few
    road.model(version)
    assert (
        "measured in your last run"
        in client.get("/training/estimate", training_form(version)).content.decode()
    )


def test_the_curve_goes_on_after_the_last_point(walked, company):
    client = company.client()
    run = walked["run"]
    body = client.get(f"{run.get_absolute_url()}/points?after=28").json()
    assert body["x"] == [29, 30]
    assert len(body["series"]["loss"]) == 2
    assert body["live"] is True


def test_a_run_is_paused_resumed_and_stopped(road, company):
    run = road.run(road.dataset_version())
    client = company.client()
    for act, state in (("pause", "pausing"), ("cancel", "cancelling")):
        assert client.post(f"{run.get_absolute_url()}/{act}").status_code == 302
        with company.scope():
            assert Job.objects.get(pk=run.job_id).state == state
    answer = client.post(f"{run.get_absolute_url()}/resume", follow=True)
    assert b'data-tone="warn"' in answer.content


def test_an_export_is_queued(walked, company):
    address = f"{walked['model'].get_absolute_url()}/export"
    client = company.client()
    assert client.post(address, {"format": "merged"}).status_code == 302
    assert client.post(address, {"format": "zip"}).status_code == 302
    with company.scope():
        assert [export.format for export in walked["model"].exports.all()] == ["merged"]


# -- evaluation and release -----------------------------------------------------------------------
def test_an_evaluation_is_started_with_the_default_suite(road, company):
    version = road.dataset_version()
    model = road.model(version)
    answer = company.client().post("/evaluations/new", {"model": model.name, "dataset_version": version.id})
    assert answer.status_code == 302
    with company.scope():
        evaluation = model.evaluations.get()
        assert evaluation.suite.name == "Default suite"


def test_a_failed_gate_is_explained_and_bars_the_release(road, company):
    version = road.dataset_version()
    model = road.model(version)
    evaluation = road.evaluation(model, version, better=False)
    client = company.client()
    page = client.get(evaluation.get_absolute_url()).content.decode()
    assert "It is worse than the base model." in page
    form = client.get("/releases/new").content.decode()
    assert "It did not pass its gate" in form
    answer = client.post("/releases/new", release_form(model.name))
    assert answer.status_code == 200 and "model" in answer.context["form"].errors


def release_form(model: str, **more) -> dict:
    return {"model": model, "max_tokens": 64, "temperature": 0, "top_p": 1, "passages": 3, **more}


def test_a_release_walks_from_the_form_to_being_rolled_back(walked, company):
    owner, reviewer = company.client(), company.client(Role.REVIEWER)
    form = release_form(walked["model"].name, knowledge=walked["knowledge"].id, note="第2回")
    address = owner.post("/releases/new", form).url
    assert b"You made this release" in owner.get(address).content
    owner.post(f"{address}/approve")
    with company.scope():
        release = Release.objects.get(note="第2回")
        assert release.state == "candidate"
    reviewer.post(f"{address}/approve", {"comment": "よい"})
    assert owner.post(f"{address}/publish", {"alias": "production"}).url == "/releases/served/production"
    with company.scope():
        assert Approval.objects.get(release=release).comment == "よい"
        assert Deployment.objects.get().release == release
    assert reviewer.post("/releases/served/production/rollback").status_code == 403
    owner.post("/releases/served/production/rollback")
    with company.scope():
        assert Deployment.objects.get().release == walked["release"]


def test_a_bad_alias_publishes_nothing(walked, company):
    address = walked["release"].get_absolute_url()
    company.client().post(f"{address}/publish", {"alias": "Not An Alias"})
    with company.scope():
        assert [deployment.alias for deployment in Deployment.objects.all()] == ["production"]


# -- knowledge ------------------------------------------------------------------------------------
def test_documents_come_and_go(road, company):
    document, other = company.document("a.txt"), company.document("b.txt")
    base_model("tiny-e5", "embedding")
    client = company.client()
    address = client.post("/knowledge/new", {"name": "規程", "documents": [document.id]}).url
    client.post(f"{address}/add", {"documents": [other.id]})
    client.post(f"{address}/remove/{document.id}")
    body = client.get(address).content.decode()
    assert f"remove/{other.id}" in body and f"remove/{document.id}" not in body


def test_an_index_is_built_again_with_a_button(walked, company):
    knowledge, client = walked["knowledge"], company.client()
    address = knowledge.get_absolute_url()
    assert f'action="{address}/build-again"' in client.get(address).content.decode()
    for expected in ("The index is built again", "An index is being built already"):
        answer = client.post(f"{address}/build-again", follow=True).content.decode()
        assert expected in answer and f'action="{address}/build-again"' not in answer


def test_a_search_without_a_model_server_says_so(walked, company, settings):
    settings.MODEL_SERVER_URL = "http://127.0.0.1:9"
    body = company.client().get(f"{walked['knowledge'].get_absolute_url()}?q=日当").content.decode()
    assert "The model server does not answer" in body


# -- chat -----------------------------------------------------------------------------------------
def test_a_conversation_is_private(walked, company):
    assert company.client(Role.ADMIN).get(walked["conversation"].get_absolute_url()).status_code == 404


def test_a_citation_leads_to_the_page_of_the_document(walked, company):
    body = company.client().get(walked["conversation"].get_absolute_url()).content.decode()
    assert f"/documents/{walked['document'].id}?page=1#page-2" in body


def test_an_opinion_is_kept_and_may_change(walked, company):
    client = company.client()
    body = client.get(walked["conversation"].get_absolute_url()).content.decode()
    address = body.split('data-tools="')[1].split('"')[0]
    for helpful in ("true", "false"):
        assert client.post(address, {"helpful": helpful}).status_code == 200
    with company.scope():
        assert [feedback.helpful for feedback in Feedback.objects.all()] == [False]


# -- schedules ------------------------------------------------------------------------------------
def test_a_schedule_is_made_changed_paused_fired_and_deleted(road, company):
    version = road.dataset_version()
    base = base_model()
    client = company.client()
    timing = {
        "name": "毎月",
        "cadence": "monthly",
        "weekday": 0,
        "day": 5,
        "hour": 3,
        "time_zone": "Asia/Tokyo",
    }
    made = client.post(
        "/schedules/new",
        {
            **timing,
            "dataset": version.dataset_id,
            "base_model": base.id,
            "suffix": "m",
            "alias": "production",
        },
    )
    address = made.url
    client.post(f"{address}/edit", {**timing, "hour": 4})
    client.post(f"{address}/pause")
    client.post(f"{address}/fire")
    with company.scope():
        schedule = Schedule.objects.get()
        assert (schedule.hour, schedule.is_active, schedule.incremental) == (4, False, False)
        assert ScheduledRun.objects.count() == 1
    assert b"under way" in client.post(f"{address}/fire", follow=True).content
    client.post(f"{address}/delete")
    assert client.get(address).status_code == 404
