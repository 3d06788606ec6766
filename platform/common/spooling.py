"""The bodies of uploads are spooled to files without a name, which disappear when the process ends."""

from __future__ import annotations

import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler


class NamelessUploadHandler(TemporaryFileUploadHandler):
    """Like Django's handler, whose files have names and remain when the process is killed."""

    def new_file(self, *arguments: Any, **options: Any) -> None:
        FileUploadHandler.new_file(self, *arguments, **options)
        self.file: UploadedFile = UploadedFile(  # type: ignore[assignment]
            tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR),  # noqa: SIM115 - closed with the request
            self.file_name,
            self.content_type,
            0,
            self.charset,
            self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
