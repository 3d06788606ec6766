"""Static files: collected they are compressed and cached for ever; not collected they follow their sources."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.templatetags.static import static
from django.test import Client

from common.static_files import StaticFiles, collect

pytestmark = pytest.mark.slow

IMMUTABLE = "max-age=315360000, public, immutable"
SHEET = "body { margin: 0 }\n" * 100


@pytest.fixture
def source(tmp_path, settings) -> Path:
    folder = tmp_path / "source"
    (folder / "js").mkdir(parents=True)
    (folder / "page.css").write_text(SHEET)
    (folder / "js" / "page.js").write_text(
        'import { post } from "./http.js";\n//# sourceMappingURL=page.js.map\n'
    )
    (folder / "js" / "http.js").write_text("export function post() {}\n")
    (folder / "js" / "page.js.map").write_text("{}")
    settings.STATICFILES_DIRS = [folder]
    settings.STATIC_ROOT = tmp_path / "static"
    return folder


@pytest.fixture
def collected(source, settings) -> Path:
    """Collected, and the settings as a process that starts then reads them."""
    collect(settings.STATIC_ROOT)
    settings.KOSHA_STATIC_COLLECTED = True
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = False
    settings.WHITENOISE_MAX_AGE = 60
    return settings.STATIC_ROOT


def body(response) -> bytes:
    assert response.status_code == 200
    return response.getvalue()


def test_collected_files_are_compressed_and_cached_for_ever(collected):
    url = static("page.css")
    assert re.fullmatch(r"/static/page\.[0-9a-f]{12}\.css", url)
    client = Client()
    packed = client.get(url, headers={"accept-encoding": "gzip"})
    assert packed["Cache-Control"] == IMMUTABLE and packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(body(packed)) == SHEET.encode()
    plain = client.get(url)
    assert plain["Cache-Control"] == IMMUTABLE and body(plain) == SHEET.encode()


def test_a_collected_script_imports_collected_scripts_and_no_map_is_needed(collected):
    client = Client()
    script = body(client.get(static("js/page.js"))).decode()
    imported = re.search(r'"\./(http\.[0-9a-f]{12}\.js)"', script)
    assert imported and client.get(f"/static/js/{imported[1]}").status_code == 200
    assert not list(collected.rglob("*.map*"))


def test_an_edited_source_changes_nothing_until_the_next_start(collected, source, settings):
    client, url = Client(), static("page.css")
    (source / "page.css").write_text(SHEET * 2)
    assert body(client.get(url)) == SHEET.encode()
    collect(settings.STATIC_ROOT)
    # The process still serves what it has read; a page that is open finds its own names after the next start too.
    assert body(client.get(url)) == SHEET.encode()
    assert body(Client().get(url)) == SHEET.encode()
    assert body(Client().get(f"/static/{StaticFiles().stored_name('page.css')}")) == (SHEET * 2).encode()


def test_without_collected_files_a_page_links_the_sources_and_an_edit_is_served_whole(source, settings):
    client = Client()
    assert static("page.css") == "/static/page.css"
    assert body(client.get("/static/page.css")) == SHEET.encode()
    (source / "page.css").write_text(SHEET * 3)
    edited = client.get("/static/page.css")
    assert body(edited) == (SHEET * 3).encode() and edited["Content-Length"] == str(len(SHEET * 3))
    assert edited["Cache-Control"] == "max-age=0, public"


def test_a_collection_that_fails_leaves_no_list_of_names(collected, monkeypatch, settings):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StaticFiles, "compress_files", full)
    with pytest.raises(OSError, match="No space"):
        collect(settings.STATIC_ROOT)
    assert not (settings.STATIC_ROOT / StaticFiles.manifest_name).exists()
