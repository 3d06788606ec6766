"""The forms that start a job ask where it runs and how soon."""

from __future__ import annotations

import pytest

from jobs.forms import PlacementForm
from jobs.models import Cluster, Job

pytestmark = pytest.mark.slow


@pytest.fixture
def second_cluster(world) -> Cluster:
    return Cluster.objects.create(
        name="gpu-1", launcher="null", cpus=16, gpus=4, memory_bytes=1 << 36, is_shared=True
    )


def forms(world) -> dict[str, tuple[str, dict]]:
    """Every page with such a form, and what else it sends."""
    version = world.dataset_version()
    model = world.model_version(version=version)
    training = {"model": "gemma", "dataset_version": version.id, "method": "supervised", "suffix": "rules"}
    return {
        "training": ("/training/new", training | {"epochs": 2, "max_grad_norm": 1, "learning_rate": 0.1}),
        "curation": (f"/datasets/{version.dataset_id}/build", {"heldout_percent": 10}),
        "evaluation": ("/evaluations/new", {"model": model.name, "dataset_version": version.id}),
    }


@pytest.mark.parametrize("kind", ["training", "curation", "evaluation"])
def test_a_form_submits_where_and_how_soon(world, second_cluster, kind):
    path, data = forms(world)[kind]
    browser = world.browser()
    page = browser.get(path)
    shown = page.content.decode()
    assert 'name="cluster"' in shown and 'name="priority"' in shown
    initial = {
        name: field.initial
        for name, field in page.context["form"].fields.items()
        if field.initial is not None
    }
    answer = browser.post(path, {**initial, **data, "cluster": "gpu-1", "priority": "-10"})
    assert answer.status_code == 302, answer.context["form"].errors
    job = Job.objects.select_related("cluster").latest("pk")
    assert (job.kind, job.cluster.name, job.priority) == (kind, "gpu-1", -10)
    detail = browser.get(f"/jobs/{job.id}").content.decode()
    assert "gpu-1" in detail and "-10" in detail


def test_does_not_ask_for_the_only_cluster(world):
    form = PlacementForm({})
    assert list(form.fields) == ["priority"]
    assert form.is_valid()
    assert (form.placement().cluster, form.placement().priority) == (None, 0)


def test_a_cluster_that_takes_no_jobs_is_not_offered(second_cluster):
    Cluster.objects.filter(pk=second_cluster.pk).update(is_active=False)
    assert "cluster" not in PlacementForm().fields
    Cluster.objects.filter(pk=second_cluster.pk).update(is_active=True)
    assert not PlacementForm({"cluster": "nowhere"}).is_valid()
    assert PlacementForm({"priority": "5"}).errors.keys() == {"priority"}
