"""Static files: collected under names with a hash of their content, compressed, and so cached for ever.

`manage.py up` and the image of the web collect them. Without that (in tests, or with KOSHA_DEBUG) pages link the files
of the source folders by their own names, and browsers ask for each again.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage

SOURCE_MAP = "sourceMappingURL"


class StaticFiles(CompressedManifestStaticFilesStorage):
    """The names of collected files; the plain names where nothing has been collected."""

    # A script's imports are renamed too: otherwise a cached script would import a file of another release.
    support_js_module_import_aggregation = True
    # Source maps are not collected, so references to them stay as they are.
    patterns = tuple(
        (files, tuple(pattern for pattern in patterns if SOURCE_MAP not in str(pattern)))
        for files, patterns in HashedFilesMixin.patterns
    )

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if settings.KOSHA_STATIC_COLLECTED else name


def collect(folder: Path) -> None:
    """Collect into `folder`, which is STATIC_ROOT. Names of earlier releases stay, for pages that are still open.

    Raises OSError, for example on a full disk; the source folders are then served, as if nothing had been collected.
    """
    manifest = folder / StaticFiles.manifest_name
    manifest.unlink(missing_ok=True)
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except BaseException:
        manifest.unlink(missing_ok=True)
        raise
