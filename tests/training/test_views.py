"""The training pages: what they show, what their forms start, and how they report a refusal."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages

from registry.models import ModelExport, ModelVersion
from training.forms import TrainingForm
from training.models import TrainingRun

pytestmark = pytest.mark.slow


@pytest.fixture
def browser(world):
    return world.browser()


@pytest.fixture
def form(world):
    """The new-training form as a person would send it unchanged."""
    base_model, version = world.base_model(), world.dataset_version(characters=20_000)
    initial = {name: field.initial for name, field in TrainingForm().fields.items()}
    given = {name: value for name, value in initial.items() if value not in (None, "")}
    return {
        **given,
        "model": base_model.name,
        "dataset_version": version.id,
        "method": "continued_pretraining",
        "suffix": "rules",
    }


def message_of(answer) -> str:
    """The newest message for the next page."""
    *_earlier, message = get_messages(answer.wsgi_request)
    return str(message)


# -- the list -------------------------------------------------------------------------------------------
def test_list_of_runs(world, browser):
    assert b"Nothing has been trained yet" in browser.get("/training").content
    run = world.training_run(suffix="rules")
    answer = browser.get("/training")
    assert [shown.id for shown in answer.context["page"].items] == [run.id]
    assert answer.context["is_live"]
    world.trained(run.job)
    answer = browser.get("/training")
    assert not answer.context["is_live"]
    assert run.get_absolute_url() in answer.content.decode()


def test_viewer_may_look_but_not_start(world, form):
    viewer = world.browser("viewer")
    assert viewer.get("/training").status_code == 200
    assert viewer.get("/training/new").status_code == 403
    assert viewer.post("/training/new", form).status_code == 403
    assert not TrainingRun.objects.exists()


# -- starting -------------------------------------------------------------------------------------------
def test_form_says_what_is_missing(world, browser):
    assert b"There is no dataset version to learn from" in browser.get("/training/new").content
    world.dataset_version()
    assert b"There is no base model to start from" in browser.get("/training/new").content


def test_link_fills_in_the_form(world, browser, form):
    continued = world.model_version()
    answer = browser.get(
        f"/training/new?model={continued.name}&dataset_version={form['dataset_version']}&epochs=9"
    )
    initial = answer.context["form"].initial
    assert initial == {"model": continued.name, "dataset_version": form["dataset_version"]}


def test_form_starts_a_run(browser, form):
    answer = browser.post(
        "/training/new", {**form, "epochs": 2, "learning_rate": "0.0003", "pair_repeats": 4}
    )
    run = TrainingRun.objects.get()
    assert answer.status_code == 302 and answer.url == run.get_absolute_url()
    assert message_of(answer) == "The training was queued."
    assert (run.suffix, run.method) == ("rules", "continued_pretraining")
    assert run.hyperparameters["epochs"] == 2
    assert run.hyperparameters["learning_rate"] == 0.0003
    assert run.hyperparameters["pair_repeats"] == 4


@pytest.mark.parametrize(
    ("changed", "field", "text"),
    [
        ({"epochs": "0"}, "epochs", "greater than or equal to 1"),
        ({"learning_rate": "0"}, "learning_rate", "greater than 0"),
        ({"lora_dropout": "0.95"}, "lora_dropout", "less than or equal to 0.9"),
        ({"sequence_length": "8192"}, "tokens_per_step", "at least the sequence length"),
        ({"suffix": "Große"}, "suffix", "small letters"),
        ({"dataset_version": "dsv_nothing"}, "dataset_version", "Select a valid choice"),
        ({"model": "gpt-5"}, "model", "Select a valid choice"),
    ],
)
def test_wrong_setting_is_shown_at_its_field(browser, form, changed, field, text):
    answer = browser.post("/training/new", {**form, **changed})
    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert set(errors) == {field} and text in str(errors)
    assert not TrainingRun.objects.exists()
    estimate = browser.get("/training/estimate", {**form, **changed})
    assert b"Correct the settings to see an estimate." in estimate.content


def test_refusal_of_the_service_is_shown_at_its_field(world, browser, form):
    texts = world.dataset_version(world.dataset("文"), pairs=0, heldout_pairs=0)
    answer = browser.post("/training/new", {**form, "method": "supervised", "dataset_version": texts.id})
    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert set(errors) == {"dataset_version"} and "nothing this method can learn from" in str(errors)
    assert not TrainingRun.objects.exists()


def test_estimate_follows_the_settings(world, browser, form):
    few = browser.get("/training/estimate", {**form, "max_steps": 3})
    assert few.context["plan"].steps.high == 3
    assert b"No training has run on this base model yet" in few.content
    world.model_version()
    assert b"measured in your last run" in browser.get("/training/estimate", form).content


# -- one run --------------------------------------------------------------------------------------------
def test_page_of_a_run(world, browser):
    run = world.training_run(suffix="rules")
    page = browser.get(run.get_absolute_url())
    assert page.context["can_pause"] and page.context["can_cancel"] and not page.context["can_resume"]
    for label in ("Epochs", "Learning rate", "Started by"):
        assert label in page.content.decode()
    world.trained(run.job)
    page = browser.get(run.get_absolute_url())
    assert not page.context["is_moving"]
    assert not (page.context["can_pause"] or page.context["can_cancel"] or page.context["can_resume"])
    body = page.content.decode()
    assert "Training time" in body and ModelVersion.objects.get().get_absolute_url() in body


def test_absent_run_is_not_found(browser):
    for address in (
        "/training/ftjob-nothing",
        "/training/ftjob-nothing/points",
        "/training/models/model_nothing",
    ):
        assert browser.get(address).status_code == 404


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 12, "²"])
def test_points_from_the_start_for_any_other_after(world, browser, after):
    run = world.training_run()
    body = browser.get(f"{run.get_absolute_url()}/points", {"after": after}).json()
    assert body == {"x": [], "series": {"loss": [], "tokens_per_second": []}, "live": True}


def test_run_is_paused_resumed_and_stopped(world, browser):
    run = world.training_run()
    for action, state, message in (
        ("pause", "paused", "The training saves a checkpoint of the steps done so far and stops."),
        ("resume", "queued", "The training continues when the cluster has capacity."),
        ("cancel", "cancelled", "The training is being stopped."),
    ):
        answer = browser.post(f"{run.get_absolute_url()}/{action}")
        assert (answer.status_code, answer.url) == (302, run.get_absolute_url())
        assert message_of(answer) == message
        run.job.refresh_from_db()
        assert run.job.state == state


def test_refused_action_is_a_message(world, browser):
    run = world.training_run()
    world.trained(run.job)
    answer = browser.post(f"{run.get_absolute_url()}/resume")
    assert answer.status_code == 302
    assert message_of(answer) == "The job is not paused, so it cannot be resumed."
    assert b'data-tone="warn"' in browser.get(answer.url).content


def test_actions_are_posts(world, browser):
    run = world.training_run()
    assert browser.get(f"{run.get_absolute_url()}/cancel").status_code == 405
    run.job.refresh_from_db()
    assert run.job.state == "queued"


# -- model versions ---------------------------------------------------------------------------------------
def test_list_and_page_of_model_versions(world, browser):
    assert b"No model version yet" in browser.get("/training/models").content
    version = world.model_version(suffix="rules")
    child = world.model_version(model=version.name)
    shown = browser.get("/training/models").context["page"].items
    assert {one.id for one in shown} == {version.id, child.id}
    page = browser.get(version.get_absolute_url())
    assert [one.id for one in page.context["children"]] == [child.id]
    assert page.context["can_export"] and not page.context["is_exporting"]
    assert "SHA-256" in page.content.decode() and version.manifest_sha256 in page.content.decode()


def test_export_is_queued_from_the_page(world, browser):
    version = world.model_version()
    answer = browser.post(f"{version.get_absolute_url()}/export", {"format": "merged"})
    assert message_of(answer) == "The export was queued."
    assert ModelExport.objects.get().format == "merged"
    assert browser.get(version.get_absolute_url()).context["is_exporting"]


def test_refused_export_is_a_message(world, browser):
    version = world.model_version()
    assert message_of(browser.post(f"{version.get_absolute_url()}/export", {"format": "zip"})) == (
        "Choose one of the formats."
    )
    ModelVersion.objects.filter(pk=version.pk).update(method="full")
    answer = browser.post(f"{version.get_absolute_url()}/export", {"format": "merged"})
    assert answer.status_code == 302 and message_of(answer)
    assert not ModelExport.objects.exists()
    assert not browser.get(version.get_absolute_url()).context["can_export"]
