"""Every text of the console exists in both languages, and what is compiled is what is written."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest


def catalogues() -> list[Path]:
    root = Path(__file__).resolve().parents[2] / "platform" / "locale"
    return sorted(root.glob("*/LC_MESSAGES/*.po"))


def test_there_are_catalogues():
    assert {path.parts[-3] for path in catalogues()} >= {"ja"}


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: "-".join((path.parts[-3], path.stem)))
def test_catalogue_is_complete(path):
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue if entry.fuzzy] == []
    assert [entry.msgid for entry in catalogue.untranslated_entries() if not entry.obsolete] == []


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: "-".join((path.parts[-3], path.stem)))
def test_catalogue_is_compiled(path):
    compiled = {
        (entry.msgctxt, entry.msgid): (entry.msgstr, entry.msgstr_plural)
        for entry in polib.mofile(str(path.with_suffix(".mo")))
    }
    written = {
        (entry.msgctxt, entry.msgid): (entry.msgstr, entry.msgstr_plural)
        for entry in polib.pofile(str(path)).translated_entries()
    }
    assert compiled == written
