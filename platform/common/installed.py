"""Modules of apps that are found by their name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule


def app_modules(name: str) -> list[ModuleType]:
    """The module `name` of each of our apps that has one, in the order of `KOSHA_APPS`."""
    with_module = [
        app for app in settings.KOSHA_APPS if module_has_submodule(apps.get_app_config(app).module, name)
    ]
    return [import_module(f"{app}.{name}") for app in with_module]
