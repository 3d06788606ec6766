"""The bodies of uploads are spooled to files without a name on the disk, which disappear when the process ends."""

from __future__ import annotations

import tempfile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler
from django.http import multipartparser


class ReceivedFile(UploadedFile):
    """Has the name that the client gave. Django's class cuts it to 255 characters, so two names could become one."""

    name: str | None = None


# Django's 1024 bytes have no room for a Japanese name with its folders.
multipartparser.MAX_TOTAL_HEADER_SIZE = 8 * 1024  # type: ignore[attr-defined]


class WholeNameParser(multipartparser.MultiPartParser):
    """Django's parser drops the folders and some characters of a name. Here the service decides what a name may be."""

    def sanitize_file_name(self, file_name: str) -> str:
        return file_name


class NamelessUploadHandler(TemporaryFileUploadHandler):
    """Like Django's handler, whose files have names and remain when the process is killed."""

    def new_file(self, *arguments: Any, **options: Any) -> None:
        FileUploadHandler.new_file(self, *arguments, **options)
        self.file: UploadedFile = ReceivedFile(  # type: ignore[assignment]
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


class WholeNameUploadHandler(FileUploadHandler):
    """Reads a multipart body with `WholeNameParser` and `NamelessUploadHandler`."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: str, encoding: str | None = None
    ) -> Any:
        return WholeNameParser(META, input_data, [NamelessUploadHandler(self.request)], encoding).parse()
