"""What every engine, the part that all engines share, or the orchestration may end a job with, for the reader."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from jobs.failures import ErrorText, Label

_AGAIN = _("Start it again. If it fails again, show your operator the code below.")
_LOOK_AT_DISK = _("Have your operator look at the disk of the node, then start it again.")
_MODEL_FOLDER = _("Have your operator look at the model's folder, or choose another model.")


def _system(what: Label, exactly: Label = "") -> ErrorText:
    return ErrorText(what, _AGAIN, exactly)


SYSTEM_ERROR = _system(_("It failed because of an internal error."))
"""For a code of the system without a text of its own."""

_LOST = _("The process or its machine was lost: it was killed, or showed no sign of life.")
_STOPPED = _("Something other than the platform told the process to stop.")
_RUNS: Mapping[str, ErrorText] = {
    "system.lost": _system(_LOST),
    "system.lost:repeatedly": _system(
        _LOST, _("The process or its machine was lost %(times)s times without getting any further.")
    ),
    "system.out_of_memory": _system(_("The memory did not suffice.")),
    "system.stalled": _system(_("It was ended because it made no progress for far longer than usual.")),
    "system.stopped": _system(_STOPPED),
    "system.stopped:repeatedly": _system(
        _STOPPED,
        _(
            "Something other than the platform told the process to stop, %(times)s times without getting any further."
        ),
    ),
    "system.crashed": _system(
        _("The process crashed."), _("The process crashed: it ended with code %(exit_code)s.")
    ),
    "system.disk_full": ErrorText(
        _("The disk was full."), _("Have your operator free some space, then start it again.")
    ),
    "system.launch_failed": _system(_("It could not be started."), _("It could not be started (%(error)s).")),
    "system.result_missing": _system(_("It ended without leaving a result.")),
    "system.result_lost": ErrorText(
        _("What it made was gone or damaged on the disk before it could be taken over."), _LOOK_AT_DISK
    ),
    "system.io_error": ErrorText(
        _("Reading or writing on the disk failed."),
        _LOOK_AT_DISK,
        _("Reading or writing on the disk failed (%(error)s)."),
    ),
    "system.unexpected": _system(SYSTEM_ERROR.what, _("It failed because of an internal error (%(error)s).")),
    "user.invalid_spec": _system(
        _("The job asks for something that this release does not know."),
        _("The job asks for something that this release does not know: %(field)s."),
    ),
}

_ANOTHER_VERSION = _("Choose another model version. Have your operator look at the disk of the node.")
_BUILD_DATASET = _(
    "Build a new dataset version from the same documents, and start again. Have your operator look at the disk of the "
    "node."
)
_ARTIFACTS: Mapping[str, ErrorText] = {
    "system.artifact_damaged": ErrorText(
        _("A file that the job reads is damaged on the disk."), _LOOK_AT_DISK
    ),
    "system.artifact_damaged:dataset": ErrorText(
        _("A file of the dataset version is damaged on the disk."),
        _BUILD_DATASET,
        _("A file of the dataset version is damaged on the disk: %(file)s."),
    ),
    "system.artifact_damaged:model": ErrorText(
        _("A file of the model version is damaged on the disk."),
        _ANOTHER_VERSION,
        _("A file of the model version is damaged on the disk: %(file)s."),
    ),
    "system.pages_missing": ErrorText(
        _("The extracted text of a document is missing or damaged on the disk."),
        _("Delete the document and upload it again. Have your operator look at the disk of the node."),
        _("The extracted text of “%(document)s” is missing or damaged on the disk."),
    ),
    "user.broken_record": ErrorText(
        _("A file of the dataset version holds a line that is not a record."),
        _("Build a new dataset version from the same documents, and start again."),
        _("Line %(line)s of %(file)s of the dataset version is not a record."),
    ),
}


def _folder(what: Label, exactly: Label) -> ErrorText:
    return ErrorText(what, _MODEL_FOLDER, exactly)


_MISSING = _("The model's folder holds no model.")
_UNSAFE = _("The model's folder holds code, or weights in a format that can hold code.")
_DAMAGED = _("The model's folder is damaged or incomplete.")
_UNSUPPORTED = _("The model is of a kind that cannot be used here.")
_MODELS: Mapping[str, ErrorText] = {
    "user.base_model_missing": ErrorText(_MISSING, _MODEL_FOLDER),
    "user.base_model_missing:no_config": _folder(
        _MISSING, _("The folder “%(folder)s” holds no model: config.json is missing.")
    ),
    "user.base_model_missing:no_weights": _folder(
        _MISSING, _("The folder “%(folder)s” holds no weights in the safetensors format.")
    ),
    "user.base_model_unsafe": ErrorText(_UNSAFE, _MODEL_FOLDER),
    "user.base_model_unsafe:pickle": ErrorText(
        _UNSAFE,
        _("Have your operator convert the weights to safetensors and remove the file from the folder."),
        _("%(file)s in the model's folder may hold a pickle, which is never loaded."),
    ),
    "user.base_model_unsafe:code": ErrorText(
        _UNSAFE,
        _("Have your operator remove the file from the folder, or choose another model."),
        _("%(file)s in the model's folder may hold code, which is never loaded."),
    ),
    "user.base_model_unsafe:remote_code": ErrorText(
        _UNSAFE,
        _("Choose another model: only architectures built into transformers are run."),
        _("%(file)s in the model's folder asks for code from elsewhere (auto_map)."),
    ),
    "user.base_model_damaged": ErrorText(_DAMAGED, _MODEL_FOLDER),
    "user.base_model_damaged:file_missing": _folder(_DAMAGED, _("The model's folder lacks %(file)s.")),
    "user.base_model_damaged:not_safetensors": _folder(
        _DAMAGED, _("%(file)s in the model's folder is cut off or not a safetensors file.")
    ),
    "user.base_model_damaged:not_json": _folder(
        _DAMAGED, _("%(file)s in the model's folder is not a JSON object.")
    ),
    "user.base_model_unsupported": ErrorText(_UNSUPPORTED, _("Choose another model.")),
    "user.base_model_unsupported:size_missing": _folder(
        _UNSUPPORTED, _("The model's config.json does not say “%(setting)s”.")
    ),
    "user.base_model_unsupported:no_language_model": ErrorText(
        _("The model's config.json names no language model."), _("Choose another model.")
    ),
    "user.base_model_unsupported:no_encoder": ErrorText(
        _("The model's config.json names no embedding model."), _("Choose another model.")
    ),
}
_EMBEDDING_MODELS = {key.replace("base_model", "embedding_model"): text for key, text in _MODELS.items()}

SHARED_ERRORS: Mapping[str, ErrorText] = {
    **_RUNS,
    **_ARTIFACTS,
    **_MODELS,
    **_EMBEDDING_MODELS,
    "user.adapter_unsafe": ErrorText(
        _("The model's weights are not in the safetensors format."), _MODEL_FOLDER
    ),
    "user.adapter_mismatch": ErrorText(
        _("The adapter does not fit the base model."),
        _("Choose a version that was trained on this base model, or train it again."),
    ),
}
"""By the part of the code after the name; what follows a colon is the `reason` among the error's values."""
