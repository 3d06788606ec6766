"""Why a document could not be read, or a page of it not be drawn, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from documents.kinds import READABLE
from jobs.failures import ErrorText, Label

_SPLIT = _("Split it into smaller files and upload those.")
_FROM_STORAGE = _("Have your operator look at the disk of the storage, and upload the file again.")

_LIMITS: Mapping[str, ErrorText] = {
    "user.empty_file": ErrorText(
        _("The file is empty."), _("Upload it again from a place where it is complete.")
    ),
    "user.file_too_large": ErrorText(
        _("The file is larger than the limit."),
        _SPLIT,
        _("The file has %(size_mb)s MB; the limit is %(limit_mb)s MB."),
    ),
    "user.picture_too_large": ErrorText(
        _("The image has too many pixels."),
        _("Save it with fewer pixels (300 dpi are enough) and upload that."),
        _("Page %(page)s of the image has %(width)s × %(height)s pixels; the limit is %(limit)s."),
    ),
    "user.too_many_pages": ErrorText(
        _("The document has too many pages or sheets."),
        _SPLIT,
        _("The document has %(count)s pages or sheets; the limit is %(limit)s."),
    ),
    "user.too_many_pages:uncounted": ErrorText(
        _("The document has too many pages or sheets."),
        _SPLIT,
        _("The document has more pages or sheets than the limit of %(limit)s."),
    ),
    "user.parse_timeout": ErrorText(
        _("Reading the file took too long."),
        _SPLIT,
        _("Reading the file took longer than the limit of %(seconds)s seconds."),
    ),
    "user.parse_out_of_memory": ErrorText(
        _("Reading the file needs too much memory."),
        _SPLIT,
        _("Reading the file needs more memory than the limit of %(limit_mb)s MB."),
    ),
    "user.archive_too_large": ErrorText(
        _("The file unpacks to far more than its size."),
        _("If it is genuine, split it, or remove pictures and unused sheets."),
        _("The file unpacks to far more than its size or to more than %(limit_mb)s MB."),
    ),
    "user.archive_too_large:files": ErrorText(
        _("The file holds too many files."),
        _SPLIT,
        _("The file holds %(count)s files; the limit is %(limit)s."),
    ),
    "user.archive_too_large:text": ErrorText(
        _("The document holds more text and tables than the limit."),
        _SPLIT,
        _("The document holds more text and tables than the limit of %(limit_mb)s MB."),
    ),
    "user.nested_too_deep": ErrorText(
        _("An archive is packed in another one that is packed in others."),
        _("Unpack it and upload the files in it."),
    ),
    "user.unsafe_archive": ErrorText(
        _("An archive holds links, or names that lead out of it."),
        _("Pack the files themselves anew and upload that."),
    ),
    "user.empty_archive": ErrorText(
        _("The archive holds no file."), _("Pack the files and upload the archive again.")
    ),
    "user.cancelled": ErrorText(_("Reading was cancelled."), _("Upload the file again to read it.")),
}

_OTHER_TYPE = format_lazy(_("Upload a file of another type: {formats}."), formats=READABLE)


def _type(what: Label, remedy: Label = _OTHER_TYPE, exactly: Label = "") -> ErrorText:
    return ErrorText(what, remedy, exactly)


_TYPES: Mapping[str, ErrorText] = {
    "user.wrong_type": _type(_("The content is not of a type that can be read, whatever the name says.")),
    "user.wrong_type:program": _type(_("The file is a program.")),
    "user.wrong_type:gif": _type(_("The file is a GIF image."), _("Save it as PNG and upload that.")),
    "user.wrong_type:archive": _type(
        _("The file is an archive that cannot be unpacked here."),
        _("Pack it as ZIP, or upload the files in it."),
    ),
    "user.wrong_type:misnamed": _type(
        _("The content of the file is not what its name says."),
        exactly=_("The name of the file ends in %(ending)s, but its content is of another type."),
    ),
    "user.wrong_type:opendocument": _type(
        _("The file is an OpenDocument drawing, formula or database."),
    ),
    "user.wrong_type:ole": _type(
        _("The file is in a container format of Microsoft, but it is no document of Office.")
    ),
    "user.wrong_type:binary": _type(_("The file holds binary data.")),
    "user.wrong_type:training_data": _type(
        _("The attachment holds training data."), _("Upload training data as a file of its own.")
    ),
    "user.old_office_format": ErrorText(
        _("The file is in the old Office format (.doc, .ppt), which this installation cannot convert."),
        _("Save it as .docx or .pptx and upload it again, or have your operator install LibreOffice."),
    ),
}

_SAVE_AGAIN = _("Open it in the program it was made with, save it again and upload the new file.")


def _damaged(what: Label, exactly: Label = "") -> ErrorText:
    return ErrorText(what, _SAVE_AGAIN, exactly)


_NO_PASSWORD = _("Remove the password and upload the file again.")
_BROKEN = _("The file is damaged or incomplete.")
_FILES: Mapping[str, ErrorText] = {
    "user.damaged_file": _damaged(_BROKEN),
    "user.damaged_file:archive": ErrorText(
        _("The archive is damaged or incomplete."), _("Pack the files anew, or upload the files themselves.")
    ),
    "user.damaged_file:crash": _damaged(_("Reading the file crashed the parser: it is damaged.")),
    "user.damaged_file:cut_off": _damaged(_("The file ends before its text does.")),
    "user.damaged_file:main_part_missing": _damaged(
        _("The file is damaged: the main part of the document is missing.")
    ),
    "user.damaged_file:no_pages": _damaged(_("The file is damaged: it holds no page.")),
    "user.damaged_file:page": _damaged(_BROKEN, _("The file is damaged: page %(page)s cannot be read.")),
    "user.damaged_file:too_deep": _damaged(_("The file is nested too deeply to be read as a whole.")),
    "user.damaged_file:libreoffice": ErrorText(
        _("LibreOffice cannot open the document: it is damaged, or protected by a password."),
        _("Open it in the program it was made with, save it without a password and upload the new file."),
    ),
    "user.encrypted": ErrorText(_("The file is protected by a password."), _NO_PASSWORD),
    "user.encrypted:mail": ErrorText(
        _("The e-mail is encrypted."), _("Save it without encryption and upload that.")
    ),
    "user.undecodable_text": ErrorText(
        _("The characters of the file cannot be read."),
        _("Save it as UTF-8 and upload it again."),
        _("The characters of the file cannot be read, the first at byte %(byte)s."),
    ),
    "user.no_text": ErrorText(_("The file holds no text."), _("Upload a version with text.")),
    "user.no_text:no_engine": ErrorText(
        _("The file holds no text, only pictures (a scan)."),
        _(
            "Upload the original file, or a PDF with a text layer. To have scans read, ask your operator for an "
            "engine that recognizes text (OCR)."
        ),
    ),
    "user.no_text:nothing_recognized": ErrorText(
        _("The file holds only pictures, in which no text was recognized."),
        _("Scan it again, upright and with 300 dpi, and upload that."),
    ),
}

_CORRECT_LINE = _("Correct the line and upload the file again. Nothing of it was taken.")
_NO_CONVERSATION = _("A line of the file is not a training conversation; nothing of it was taken.")


def _line(exactly: Label) -> ErrorText:
    return ErrorText(_NO_CONVERSATION, _CORRECT_LINE, exactly)


_AS_JSONL = _(
    'Write one JSON object in each line, with the single key "messages", and upload the file as .jsonl. Nothing of it was '
    "taken."
)
_NOT_JSONL = _("The file holds training data in another form than JSONL; nothing of it was taken.")


def _form(exactly: Label) -> ErrorText:
    return ErrorText(_NOT_JSONL, _AS_JSONL, exactly)


_TRAINING_DATA: Mapping[str, ErrorText] = {
    "user.invalid_jsonl": ErrorText(_NO_CONVERSATION, _CORRECT_LINE),
    "user.invalid_jsonl:not_json": _line(_("Line %(line)s is not valid JSON.")),
    "user.invalid_jsonl:not_json_at": _line(
        _("Line %(line)s is not valid JSON; the error is at character %(column)s.")
    ),
    "user.invalid_jsonl:unknown_form": _line(
        _('Line %(line)s is not an object with the key "messages", nor in another form that is read.')
    ),
    "user.invalid_jsonl:unknown_keys": _line(
        _("Line %(line)s has keys that its form does not know: %(keys)s.")
    ),
    "user.invalid_jsonl:no_messages": _line(
        _('The value of "messages" in line %(line)s is not a list, or an empty one.')
    ),
    "user.invalid_jsonl:message_keys": _line(
        _('A message in line %(line)s has not exactly the keys "role" and "content".')
    ),
    "user.invalid_jsonl:role": _line(_("A role in line %(line)s is none of %(roles)s.")),
    "user.invalid_jsonl:empty_content": _line(_("A text in line %(line)s is empty, or not text.")),
    "user.invalid_jsonl:order": _line(
        _(
            "The messages in line %(line)s do not alternate between user and assistant (after an optional system) and end with "
            "assistant."
        )
    ),
    "user.not_jsonl": ErrorText(_NOT_JSONL, _AS_JSONL),
    "user.not_jsonl:array": _form(_("The training data are one JSON array, not JSONL.")),
    "user.not_jsonl:array_form": _form(
        _("The training data are one JSON array of objects with the keys %(form)s, not JSONL.")
    ),
    "user.not_jsonl:form": _form(_("The training data are in the form %(form)s.")),
    "user.not_jsonl:line_form": _form(_("Line %(line)s of the training data is in the form %(form)s.")),
    "user.not_jsonl:spread": _form(_("The training data spread an object over several lines.")),
    "user.not_jsonl:name": _form(
        _("The file holds training data with the keys %(form)s, but its name does not end in .jsonl.")
    ),
}

_PROGRAM = _("Upload the file again. If it fails again, show your operator the code below.")
READING_ERRORS: Mapping[str, ErrorText] = {
    **_LIMITS,
    **_TYPES,
    **_FILES,
    **_TRAINING_DATA,
    "system.blob_missing": ErrorText(_("The stored file is not on the storage of the node."), _FROM_STORAGE),
    "system.blob_damaged": ErrorText(_("The stored file is not what was uploaded any more."), _FROM_STORAGE),
    "system.parser_killed": ErrorText(
        _("Reading was ended from outside, most often because the node had no memory left."),
        _("Have your operator look at the memory of the node, and upload the file again."),
    ),
    "system.parser_failed": ErrorText(_("The parser ended because of an internal error."), _PROGRAM),
    "system.no_sandbox": ErrorText(
        _("No sandbox could be made to read the file in."),
        _("Show your operator the job, whose log says why."),
    ),
}
"""By the part of the code after `ingest.`; what follows a colon is the `reason` among the error's values."""

_NOT_TAKEN: Mapping[str, Label] = {
    "invalid_file_name": _("The name is too long or cannot be used."),
    "name_taken": _("Another document has this name."),
}
"""Beside those of READING_ERRORS, why a file of an archive does not become a document."""
_REASON = re.compile(r" \(([a-z0-9_]+)\)(?=, |$)")


def worded_files(names: str) -> str:
    """The files that a warning names, `a.zip (encrypted), b.doc (no_text)`, with their reasons in words."""

    def worded(found: re.Match[str]) -> str:
        text = READING_ERRORS.get(f"user.{found[1]}")
        sentence = text.what if text else _NOT_TAKEN.get(found[1])
        return f" ({str(sentence).rstrip('.。')})" if sentence else found[0]

    return _REASON.sub(worded, names)


_DRAW_AGAIN = _("Have it drawn again. If it fails again, show your operator the job.")
_LOOK_AGAIN = _("Its text is shown all the same. Download the original to see the page.")

DRAWING_ERRORS: Mapping[str, ErrorText] = {
    "user.damaged_file": ErrorText(_("The page is damaged and cannot be drawn."), _LOOK_AGAIN),
    "user.encrypted": ErrorText(_("The file is protected by a password."), _LOOK_AGAIN),
    "user.wrong_type": ErrorText(_("The content is of another type than before."), _LOOK_AGAIN),
    "user.picture_too_large": ErrorText(_("The image has too many pixels."), _LOOK_AGAIN),
    "user.no_picture": ErrorText(_("Pages of files of this type have no picture."), _LOOK_AGAIN),
    "user.no_such_page": ErrorText(
        _("The file has no such page."), _LOOK_AGAIN, _("The file has no page %(page)s.")
    ),
    "user.parse_timeout": ErrorText(_("Drawing the page took too long."), _LOOK_AGAIN),
    "user.parse_out_of_memory": ErrorText(_("Drawing the page needs too much memory."), _LOOK_AGAIN),
    "system.blob_missing": READING_ERRORS["system.blob_missing"],
    "system.blob_damaged": READING_ERRORS["system.blob_damaged"],
    "system.parser_killed": ErrorText(
        _("Drawing was ended from outside, most often because the node had no memory left."), _DRAW_AGAIN
    ),
    "system.parser_failed": ErrorText(
        _("The program that draws pages ended because of an internal error."), _DRAW_AGAIN
    ),
    "system.no_sandbox": ErrorText(_("No sandbox could be made to draw the page in."), _DRAW_AGAIN),
}
"""By the part of the code after `page_pictures.`."""
