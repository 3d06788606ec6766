"""Every text of the console exists in both languages, and what is compiled is what is written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

pytestmark = pytest.mark.slow

LANGUAGES = ("en", "ja")
SOURCES = ("platform", "templates", "workers")


def catalogue(repository: Path, language: str, kind: str = "po") -> Path:
    return repository / "platform" / "locale" / language / "LC_MESSAGES" / f"django.{kind}"


def key(entry: polib.POEntry) -> tuple[str | None, str, str]:
    return entry.msgctxt, entry.msgid, entry.msgid_plural


@pytest.fixture(scope="module")
def collected(repository, tmp_path_factory):
    """A copy of the sources in which `manage.py translations` has just run."""
    if not shutil.which("xgettext"):
        pytest.skip("needs gettext")
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(repository / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "manage.py", copy)
    environment = {**os.environ, "KOSHA_VAR": str(copy / "var"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "manage.py", "translations"], cwd=copy, env=environment, check=True)
    return copy


def test_every_catalogue_is_known(repository):
    found = (repository / "platform" / "locale").rglob("*.po")
    assert sorted(found) == [catalogue(repository, language) for language in LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_complete(repository, language):
    entries = polib.pofile(str(catalogue(repository, language)))
    assert [entry.msgid for entry in entries if entry.fuzzy] == []
    assert [entry.msgid for entry in entries.obsolete_entries()] == []
    assert [entry.msgid for entry in entries.untranslated_entries()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_holds_the_texts_of_the_sources(repository, collected, language):
    written = {key(entry) for entry in polib.pofile(str(catalogue(repository, language)))}
    assert written == {key(entry) for entry in polib.pofile(str(catalogue(collected, language)))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_compiled(repository, language):
    compiled = {
        key(entry): (entry.msgstr, entry.msgstr_plural)
        for entry in polib.mofile(str(catalogue(repository, language, "mo")))
    }
    written = {
        key(entry): (entry.msgstr, entry.msgstr_plural)
        for entry in polib.pofile(str(catalogue(repository, language)))
    }
    assert compiled == written
