"""Fixtures for every test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def storages(tmp_path_factory) -> Iterator[Path]:
    """Counted here: pytest looks through all folders that it has made for the number of the next one."""
    folder = tmp_path_factory.mktemp("storages")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def storage(storages, settings):
    """Each test has its own storage."""
    settings.KOSHA_STORAGE_ROOT = next(storages)
    settings.KOSHA_STORAGE_ROOT.mkdir(mode=0o700)
    return settings.KOSHA_STORAGE_ROOT


@pytest.fixture(autouse=True)
def default_language():
    """Each test begins in the language of the installation."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, django_db_blocker):
    """This process copies the migrated database instead of migrating one of its own."""
    from django.db import connection

    from tests.template_database import template_database

    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = template_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A migrated database for this process.

    A flush does not fill the tables of Django's own permissions again: that takes most of its time.
    """
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db import connection
    from django.db.models.signals import post_migrate

    from tests import quick_flush

    assert post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    assert post_migrate.disconnect(create_contenttypes)
    quick_flush.install()
    yield
    # A web in a thread may have kept its connection; dropping the database would wait for it.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture
def world(db):
    """A new organization, inside its scope; see `tests/world.py`."""
    from tests.world import World

    with World() as world:
        yield world


@pytest.fixture
def api(world):
    """The API, called by the organization's owner."""
    from tests.in_process import api_of

    return api_of(world.key())


@pytest.fixture
def model_server(settings):
    """A model server whose answers the test decides; see `tests/model_server_double.py`."""
    from tests.model_server_double import ModelServerDouble

    double = ModelServerDouble()
    settings.MODEL_SERVER_URL = double.url
    yield double
    double.close()


@pytest.fixture
def live_world(transactional_db):
    """An organization that other database connections see, too."""
    from tests.world import World

    with World() as world:
        yield world


@pytest.fixture
def web(live_world):
    """The address of the real web application, which serves `live_world`."""
    from tests.live_web import live_web

    with live_web() as address:
        yield address
