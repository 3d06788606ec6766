"""Why something failed, in the reader's language: what happened, and what to do about it.

Engines write English sentences (they run where there is no catalogue); the stable code leads here.
A code that is not listed shows the engine's own sentence.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Fault(NamedTuple):
    what: str | Promise
    remedy: str | Promise


_SPLIT = _("Split it into smaller files and upload those.")

_READ_ANEW = Fault(
    _("The extracted text of a document is missing or damaged on the disk."),
    _("Delete the document and upload it again. Have your operator look at the disk of the node."),
)
_DATASET_DAMAGED = _("A file of the dataset or of the model to build on is damaged on the disk.")
_CHOOSE_ANOTHER = _(
    "Build a new dataset version from the same documents or choose another model version, and start again. "
    "Have your operator look at the disk of the node."
)

FAULTS: dict[str, Fault] = {
    "ingest.user.empty_file": Fault(
        _("The file is empty."), _("Upload it again from a place where it is complete.")
    ),
    "ingest.user.file_too_large": Fault(_("The file is larger than the limit."), _SPLIT),
    "ingest.user.wrong_type": Fault(
        _("The content is not of a type that can be read, whatever the name says."),
        _("Upload a PDF, Word, Excel, PowerPoint, HTML, text, CSV or JSONL file."),
    ),
    "ingest.user.damaged_file": Fault(
        _("The file is damaged or incomplete."),
        _("Open it in the program it was made with, save it again and upload the new file."),
    ),
    "ingest.user.encrypted": Fault(
        _("The file is protected by a password."), _("Remove the password and upload the file again.")
    ),
    "ingest.user.undecodable_text": Fault(
        _("The characters of the file cannot be read."), _("Save it as UTF-8 and upload it again.")
    ),
    "ingest.user.no_text": Fault(
        _("The file holds no text, only pictures (a scan)."),
        _("Upload the original file, or a PDF with a text layer."),
    ),
    "ingest.user.too_many_pages": Fault(_("The document has too many pages or sheets."), _SPLIT),
    "ingest.user.invalid_jsonl": Fault(
        _("A line of the file is not a training conversation; nothing of it was taken."),
        _("Correct the line and upload the file again."),
    ),
    "ingest.user.parse_timeout": Fault(_("Reading the file took too long."), _SPLIT),
    "ingest.user.parse_out_of_memory": Fault(_("Reading the file needs too much memory."), _SPLIT),
    "ingest.user.archive_too_large": Fault(
        _("The document unpacks to far more than its size."),
        _("If it is genuine, split it, or remove pictures and unused sheets."),
    ),
    "ingest.user.cancelled": Fault(_("Reading was cancelled."), _("Upload the file again to read it.")),
    "curation.user.no_documents": Fault(
        _("There was no document to build from."), _("Upload documents and build a new version.")
    ),
    "training.user.empty_dataset": Fault(
        _("The dataset holds nothing to learn from."),
        _("Look at what was dropped and why, correct the documents and build a new version."),
    ),
    "training.user.context_too_long": Fault(
        _("The context length is longer than the base model can take."),
        _("Choose a shorter one and start the training again."),
    ),
    "evaluation.user.no_heldout_data": Fault(
        _("The dataset holds nothing that was held out from training."),
        _("Build a version with a share of records held out."),
    ),
    "curation.system.pages_missing": _READ_ANEW,
    "retrieval.system.pages_missing": _READ_ANEW,
    "training.system.artifact_damaged": Fault(_DATASET_DAMAGED, _CHOOSE_ANOTHER),
    "evaluation.system.artifact_damaged": Fault(_DATASET_DAMAGED, _CHOOSE_ANOTHER),
    "export.system.artifact_damaged": Fault(
        _("A file of the model version is damaged on the disk."),
        _("Choose another version. Have your operator look at the disk of the node."),
    ),
}

_SYSTEM = Fault(
    _("It failed through no fault of yours."),
    _("Start it again; if it fails once more, show your operator the code below."),
)


def fault_of(code: str) -> Fault | None:
    """None for a user's fault that is not worded here: its own sentence says what to do."""
    if code in FAULTS:
        return FAULTS[code]
    return _SYSTEM if ".system." in code else None
