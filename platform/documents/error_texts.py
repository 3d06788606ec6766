"""Why a document could not be read, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from documents.kinds import READABLE
from jobs.failures import ErrorText

_SPLIT = _("Split it into smaller files and upload those.")

READING_ERRORS: Mapping[str, ErrorText] = {
    "user.empty_file": ErrorText(
        _("The file is empty."), _("Upload it again from a place where it is complete.")
    ),
    "user.file_too_large": ErrorText(_("The file is larger than the limit."), _SPLIT),
    "user.wrong_type": ErrorText(
        _("The content is not of a type that can be read, whatever the name says."),
        format_lazy(_("Upload a file of another type: {formats}."), formats=READABLE),
    ),
    "user.old_office_format": ErrorText(
        _("The file is in the old Office format (.doc, .ppt), which this installation cannot convert."),
        _("Save it as .docx or .pptx and upload it again, or have your operator install LibreOffice."),
    ),
    "user.damaged_file": ErrorText(
        _("The file is damaged or incomplete."),
        _("Open it in the program it was made with, save it again and upload the new file."),
    ),
    "user.encrypted": ErrorText(
        _("The file is protected by a password."), _("Remove the password and upload the file again.")
    ),
    "user.undecodable_text": ErrorText(
        _("The characters of the file cannot be read."), _("Save it as UTF-8 and upload it again.")
    ),
    "user.no_text": ErrorText(
        _("The file holds no text, only pictures (a scan)."),
        _(
            "Upload the original file, or a PDF with a text layer. To have scans read, ask your operator for an "
            "engine that recognizes text (OCR)."
        ),
    ),
    "user.picture_too_large": ErrorText(
        _("The image has too many pixels."),
        _("Save it with fewer pixels (300 dpi are enough) and upload that."),
    ),
    "user.too_many_pages": ErrorText(_("The document has too many pages or sheets."), _SPLIT),
    "user.invalid_jsonl": ErrorText(
        _("A line of the file is not a training conversation; nothing of it was taken."),
        _("Correct the line and upload the file again."),
    ),
    "user.not_jsonl": ErrorText(
        _("The file holds training data in another form than JSONL; nothing of it was taken."),
        _(
            'Write one JSON object in each line, with the single key "messages", and upload the file '
            "as .jsonl."
        ),
    ),
    "user.parse_timeout": ErrorText(_("Reading the file took too long."), _SPLIT),
    "user.parse_out_of_memory": ErrorText(_("Reading the file needs too much memory."), _SPLIT),
    "user.nested_too_deep": ErrorText(
        _("An archive is packed in another one that is packed in others."),
        _("Unpack it and upload the files in it."),
    ),
    "user.unsafe_archive": ErrorText(
        _("An archive holds links, or names that lead out of it."),
        _("Pack the files themselves anew and upload that."),
    ),
    "user.archive_too_large": ErrorText(
        _("The file unpacks to far more than its size, or holds too many files."),
        _("If it is genuine, split it, or remove pictures and unused sheets."),
    ),
    "user.empty_archive": ErrorText(
        _("The archive holds no file."), _("Pack the files and upload the archive again.")
    ),
    "user.cancelled": ErrorText(_("Reading was cancelled."), _("Upload the file again to read it.")),
}
"""By the part of the code after `ingest.`; what follows a colon is the engine's `reason`."""
