"""The training pages: starting a run, its curve, its buttons, and exports of its model."""

from __future__ import annotations

import pytest

from common.tenancy import organization_scope
from jobs.models import Job
from tests.console.products import base_model
from training.forms import TrainingForm
from training.models import TrainingRun

pytestmark = pytest.mark.slow


def training_form(version, **changed) -> dict:
    with organization_scope(version.organization_id):
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


def test_a_training_is_started_from_the_form(products, company):
    version = products.dataset_version()
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
def test_a_wrong_setting_is_refused_at_its_field(products, company, field, value, says):
    version = products.dataset_version()
    answer = company.client().post("/training/new", training_form(version, **{field: value}))
    assert answer.status_code == 200
    errors = answer.context["form"].errors
    assert says in str(errors)
    assert set(errors) == ({"tokens_per_step"} if field == "sequence_length" else {field})
    with company.scope():
        assert not TrainingRun.objects.exists()


def test_the_estimate_follows_the_settings(products, company):
    version = products.dataset_version()
    client = company.client()
    few = client.get("/training/estimate", training_form(version, max_steps=3)).content.decode()
    assert '<dd class="number">3</dd>' in few
    assert "Nothing was trained on this base model yet" in few
    products.model(version)
    assert (
        "measured in your last run"
        in client.get("/training/estimate", training_form(version)).content.decode()
    )


def test_the_curve_continues_after_the_last_point(everything, company):
    client = company.client()
    run = everything["run"]
    body = client.get(f"{run.get_absolute_url()}/points?after=28").json()
    assert body["x"] == [29, 30]
    assert len(body["series"]["loss"]) == 2
    assert body["live"] is True


def test_a_run_is_paused_and_cancelled_and_not_resumed(products, company):
    run = products.run(products.dataset_version())
    client = company.client()
    for act, state in (("pause", "pausing"), ("cancel", "cancelling")):
        assert client.post(f"{run.get_absolute_url()}/{act}").status_code == 302
        with company.scope():
            assert Job.objects.get(pk=run.job_id).state == state
    answer = client.post(f"{run.get_absolute_url()}/resume", follow=True)
    assert b'data-tone="warn"' in answer.content


def test_an_export_is_queued(everything, company):
    address = f"{everything['model'].get_absolute_url()}/export"
    client = company.client()
    assert client.post(address, {"format": "merged"}).status_code == 302
    assert client.post(address, {"format": "zip"}).status_code == 302
    with company.scope():
        assert [export.format for export in everything["model"].exports.all()] == ["merged"]
