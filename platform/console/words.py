"""Codes in people's words: steps and reasons of a curation, what the audit trail records.

A code that is not listed is shown as it is: a new one is legible before it is worded.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Words = Mapping[str, str | Promise]

EVENT_TYPES: Words = {
    "state": pgettext_lazy("event", "State"),
    "started": pgettext_lazy("event", "Engine started"),
    "checkpoint": pgettext_lazy("event", "Checkpoint saved"),
    "stopped": pgettext_lazy("event", "Engine stopped"),
    "log": pgettext_lazy("event", "Message"),
}

STEPS: Words = {
    "normalize": _("Normalize characters"),
    "personal_data": _("Mask personal data"),
    "boilerplate": _("Drop boilerplate"),
    "question_answer_pairs": _("Find questions and answers"),
    "segment": _("Cut into units"),
    "minimum_length": _("Drop what is too short"),
    "noise": _("Drop noise"),
    "exact_duplicate": _("Drop duplicates"),
    "near_duplicate": _("Drop near-duplicates"),
    "split": _("Hold out for evaluation"),
}

STEP_SENTENCES: Words = {
    "normalize": _("Bring characters to one form: NFKC, unified ideographs, no control characters."),
    "personal_data": _("Replace personal data by a token that names its kind, for example 〔電話番号〕."),
    "boilerplate": _("Drop pages that carry no knowledge and lines that repeat on page after page."),
    "question_answer_pairs": _(
        "Turn tables with a question column and an answer column into question-answer pairs."
    ),
    "segment": _("Cut documents into units of training text where their meaning ends."),
    "minimum_length": _("Drop units too short to teach anything."),
    "noise": _("Drop units that are symbols, repetition or the debris of a bad extraction."),
    "exact_duplicate": _("Keep the first of units that are equal once spaces and case are ignored."),
    "near_duplicate": _("Keep the first of units that are nearly equal (MinHash over character n-grams)."),
    "split": _("Hold a share of the records out of training, so that the model can be measured on them."),
}
"""The docstrings of `workers.contract.specs.curation`'s steps, where gettext finds them; a test compares."""

DROP_REASONS: Words = {
    "blank": _("blank page"),
    "table_of_contents": _("table of contents"),
    "notice": _("notice or cover"),
    "repeated_line": _("header or footer line"),
    "incomplete_pair": _("question without answer"),
    "too_short": _("too short"),
    "symbols": _("mostly symbols"),
    "repetition": _("mostly repetition"),
    "not_japanese": _("too little Japanese"),
    "exact_duplicate": _("same as another"),
    "near_duplicate": _("nearly the same as another"),
}

PERSONAL_DATA: Words = {
    "email": _("e-mail addresses"),
    "phone": _("telephone numbers"),
    "my_number": _("My Number"),
    "credit_card": _("card numbers"),
    "postal_address": _("postal addresses"),
    "name": _("names"),
}

SPLITS: Words = {"train": _("for training"), "heldout": _("held out")}

RECORD_TYPES: Words = {"text": _("text"), "pair": _("question and answer"), "messages": _("conversation")}

ORIGINS: Words = {
    "document": _("from a document"),
    "written": _("written by a person"),
    "correction": _("corrected in a chat"),
    "generated": _("generated from a document"),
    "imported": _("from an imported dataset"),
}
"""Where a record comes from: the types of `workers.contract.records.Origin`."""

WARNINGS: Words = {
    "pages_without_text": _("Pages without text (pictures or scans), which could not be read:"),
    "type_differs_from_name": _(
        "The content is of another type than the name says; it was read by its content."
    ),
}

ACTIONS: Words = {
    "session.signed_in": _("signed in"),
    "session.signed_out": _("signed out"),
    "member.password_changed": _("changed the password"),
    "member.role_set": _("set a member's role"),
    "user.created": _("added a person"),
    "member.removed": _("removed a member"),
    "api_key.created": _("created an API key"),
    "api_key.revoked": _("revoked an API key"),
    "organization.created": _("created the organization"),
    "document.uploaded": _("uploaded a document"),
    "document.deleted": _("deleted a document"),
    "upload.created": _("began an upload in parts"),
    "upload.part_added": _("uploaded a part"),
    "upload.completed": _("completed an upload in parts"),
    "upload.cancelled": _("gave up an upload in parts"),
    "recipe.created": _("created a recipe"),
    "dataset.created": _("created a dataset"),
    "dataset_version.created": _("started building a dataset version"),
    "training_run.created": _("started a training"),
    "model_version.created": _("registered a model version"),
    "model_version.deleted": _("deleted a model version"),
    "model_version.export_requested": _("asked for an export"),
    "installation.restored": _("restored the installation from a backup"),
    "base_model.moved": _("moved a base model's folder"),
    "base_model.registered": _("registered a base model"),
    "suite.created": _("created an evaluation suite"),
    "evaluation.created": _("started an evaluation"),
    "knowledge_base.created": _("created a knowledge base"),
    "knowledge_base.updated": _("changed a knowledge base"),
    "knowledge_base.documents_added": _("added documents to a knowledge base"),
    "knowledge_base.document_removed": _("removed a document from a knowledge base"),
    "knowledge_base.deleted": _("deleted a knowledge base"),
    "index_build.created": _("started building an index"),
    "release.created": _("created a release"),
    "release.approved": _("approved a release"),
    "release.rejected": _("rejected a release"),
    "release.published": _("published a release"),
    "release.rolled_back": _("rolled a release back"),
    "schedule.created": _("created a schedule"),
    "schedule.updated": _("changed a schedule"),
    "schedule.fired": _("began a retraining"),
    "schedule.skipped": _("skipped a retraining"),
    "schedule.deleted": _("deleted a schedule"),
    "conversation.created": _("began a conversation"),
    "conversation.deleted": _("deleted a conversation"),
    "job.submitted": _("queued a job"),
    "job.starting": _("job is starting"),
    "job.running": _("job is running"),
    "job.pausing": _("asked a job to pause"),
    "job.paused": _("job paused"),
    "job.queued": _("job was queued again"),
    "job.cancelling": _("asked a job to stop"),
    "job.cancelled": _("job was cancelled"),
    "job.succeeded": _("job succeeded"),
    "job.failed": _("job failed"),
    "cluster.created": _("set up a cluster"),
}


def worded(words: Words, code: str) -> str:
    return str(words.get(code) or code.replace("_", " "))
