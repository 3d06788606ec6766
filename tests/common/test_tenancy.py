"""The separation of organizations by their scope."""

from __future__ import annotations

import pytest
from django.apps import apps

from common.models import TenantModel
from common.tenancy import (
    NoOrganizationScope,
    current_organization_id,
    every_organization,
    organization_scope,
)
from documents.models import Document
from tests.accounts.test_routes import ROUTE_LIST
from tests.accounts.things import things
from tests.in_process import api_of
from tests.world import World

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]


@pytest.fixture
def two(db):
    first, second = World("ichi"), World("ni")
    with first:
        mine = first.upload("ichi.txt", "一")
    with second:
        theirs = second.upload("ni.txt", "二")
    return first, second, mine, theirs


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_manager_raises_without_a_scope(db, model):
    for touch in (model.objects.all, model.objects.count, lambda: model.objects.create()):
        with pytest.raises(NoOrganizationScope):
            touch()


def test_scope_sees_its_own_rows_only(two):
    first, _second, mine, theirs = two
    with first:
        assert list(Document.objects.all()) == [mine]
        assert not Document.objects.filter(pk=theirs.pk).exists()
        assert Document.objects.filter(pk=theirs.pk).update(name="x") == 0
        assert Document.objects.filter(pk=theirs.pk).delete()[0] == 0
    with every_organization("a test looks at all"):
        assert Document.objects.count() == 2
        with pytest.raises(NoOrganizationScope):
            current_organization_id()


def test_row_of_another_organization_is_not_saved(two):
    first, second, _mine, theirs = two
    with first:
        theirs.name = "x"
        with pytest.raises(ValueError, match="another organization"):
            theirs.save()
        with pytest.raises(ValueError, match="another organization"):
            Document.objects.create(organization=second.organization, name="x")


def test_scope_ends_with_its_block():
    with pytest.raises(ZeroDivisionError), organization_scope("org_x"):
        raise ZeroDivisionError
    with pytest.raises(NoOrganizationScope):
        current_organization_id()


def test_lists_show_no_other_organization(db):
    with World("yoso") as foreign:
        theirs = things(foreign, alias="elsewhere", base_model_name="foreign-base")
    with World("kaku") as world:
        world.embedding_model()
        api = api_of(world.key())
        lists = [r for r in ROUTE_LIST if r.method == "GET" and r.is_api and not r.words]
        lists = [r for r in lists if r.path not in ("v1/docs", "v1/openapi.json")]
        assert len(lists) > 10
        for route in lists:
            answer = api.get(route.path.removeprefix("v1/"))
            assert answer.status == 200, route.path
            text = answer.content.decode()
            for word, id in theirs.items():
                # The number of a page names no object.
                assert word == "number" or id not in text, (route.path, word)
