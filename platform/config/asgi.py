"""The web process: `uvicorn config.asgi:application` with `platform/` and the repository on the path."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("KOSHA_PROCESS", "web")

from django.conf import settings
from django.core.asgi import get_asgi_application

from middleware.admission import Admission, Limits
from middleware.body_limit import BodyLimit
from middleware.request_id import RequestId
from middleware.shutdown_notice import ShutdownNotice
from middleware.slow_body import BodyTimeouts, SlowBody

# Django spools request bodies here; the system's folder may be a small one in memory.
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)

django_application = get_asgi_application()

# It imports models, so Django must have started.
from middleware.identification import Identification  # noqa: E402

application = RequestId(
    ShutdownNotice(
        SlowBody(
            Admission(
                Identification(
                    BodyLimit(
                        django_application,
                        upload_bytes=settings.KOSHA_MAX_UPLOAD_BYTES,
                        plain_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
                    )
                ),
                Limits(),
            ),
            BodyTimeouts(),
        )
    )
)
