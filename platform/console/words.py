"""Labels of codes: event types, kinds of personal data, origins of records, actions of the audit trail."""

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

RETURN_REASONS: Words = {"disk_full": _("no space on the disk"), "stopped": _("interrupted by a stop")}
"""Why a job waits again, where it is no failure."""

PERSONAL_DATA: Words = {
    "email": _("e-mail addresses"),
    "phone": _("telephone numbers"),
    "my_number": _("My Number"),
    "corporate_number": _("corporate numbers"),
    "credit_card": _("card numbers"),
    "bank_account": _("bank accounts"),
    "birth_date": _("dates of birth"),
    "postal_address": _("postal addresses"),
    "name": _("names"),
    "secret": _("passwords and keys"),
    "employee_number": _("employee numbers"),
    "listed": _("texts of the organization's list"),
    "mailbox": _("mailboxes of a function"),
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
    "low_confidence": _(
        "Pages whose text was recognized in a picture with little certainty; check these pages:"
    ),
    "hidden_sheets_skipped": _("Hidden sheets, which were not read:"),
    "hidden_rows_skipped": _("Hidden rows, which were not read:"),
    "hidden_columns_skipped": _("Hidden columns, which were not read:"),
    "formulas_without_results": _(
        "Formulas whose results the file does not hold; they are shown as formulas. Open the file in Excel, save it and "
        "upload it again:"
    ),
    "form_fields_not_read": _(
        "The PDF is a form whose fields could not be read. Print it into a PDF and upload that."
    ),
    "fonts_without_characters": _(
        "Pages with fonts that do not say which characters they show; their text may be wrong or missing:"
    ),
    "attachments_not_read": _(
        "Attachments that could not be read, and why. What they state is not in the text; upload them as files that can be "
        "read:"
    ),
    "archives_not_unpacked": _("Archives in the archive that were not unpacked, and why:"),
    "debris_skipped": _("Files that a system or a program has left, which were skipped:"),
    "files_not_taken": _("Files that did not become documents, and why:"),
    "removal_waits": _(
        "Documents whose files are no longer in the archive; they are most of its documents and were kept:"
    ),
    "other_types_skipped": _("Files of types that cannot be read, which were skipped:"),
    "large_files_skipped": _("Files that are too large, which were skipped:"),
    "empty_files_skipped": _("Empty files, which were skipped:"),
    "links_skipped": _("Links, which are not followed:"),
    "names_not_readable": _("Files whose names are in an unknown encoding, which were skipped:"),
    "files_changing": _("Files that changed while they were read; the next sync reads them:"),
    "rejected_answers_not_used": _(
        "Lines with a chosen and a rejected answer. Only the chosen one is learnt from:"
    ),
    "number_formats_not_read": _(
        "The numbers of this old workbook are shown as they are stored, without percent, currency and thousands, and hidden rows "
        "are read. Save it as .xlsx to have it as Excel shows it."
    ),
    "quotes_not_closed": _(
        "A quotation mark in the table is not closed, so quotation marks were read as text. Look at the rows that have them."
    ),
    "type_differs_from_name": _(
        "The content is of another type than the name says; it was read by its content."
    ),
}

WARNINGS_WITH_REASONS = ("attachments_not_read", "archives_not_unpacked", "files_not_taken")
"""These name files, each with the code of its reason."""

MAIL_FAILURES: Words = {
    "unreachable": _("The mail server does not answer. The mail is tried again."),
    "login_refused": _(
        "The mail server refuses Kosha's account. Tell your operator; the mail is tried again."
    ),
    "sender_refused": _(
        "The mail server refuses Kosha as sender. Tell your operator; the mail is tried again."
    ),
    "postponed": _("The mail server takes the mail later. It is tried again."),
    "refused": _("The mail server refuses this address. Withdraw the invitation and check the address."),
}

ACTIONS: Words = {
    "session.signed_in": _("signed in"),
    "session.signed_out": _("signed out"),
    "session.password_refused": _("refused a wrong password"),
    "member.password_changed": _("changed the password"),
    "member.role_set": _("set a member's role"),
    "member.personal_data_set": _("decided whether a member sees personal data"),
    "user.created": _("added a person"),
    "user.requested_by_invitation": _("set a name and a password with an invitation"),
    "user.password_link_made": _("made a link for a new password"),
    "invitation.created": _("invited a person"),
    "invitation.resent": _("sent an invitation again"),
    "invitation.revoked": _("withdrew an invitation"),
    "invitation.accepted": _("accepted an invitation"),
    "member.removed": _("removed a member"),
    "api_key.created": _("created an API key"),
    "api_key.revoked": _("revoked an API key"),
    "organization.created": _("created the organization"),
    "document.uploaded": _("uploaded a document"),
    "document.read_again": _("had a document read again"),
    "document.reading_stopped": _("stopped the reading of a document"),
    "document.deleted": _("deleted a document"),
    "archive.unpacked": _("took the files of an archive as documents"),
    "archive.pruned": _("deleted documents whose files were no longer in their archive"),
    "document.personal_data_set": _("chose how a document's personal data are shown"),
    "source.created": _("created a source"),
    "source.updated": _("changed a source"),
    "source.deleted": _("deleted a source"),
    "source.sync_started": _("started a sync"),
    "upload.created": _("started an upload in parts"),
    "upload.part_added": _("uploaded a part"),
    "upload.completed": _("completed an upload in parts"),
    "upload.cancelled": _("cancelled an upload in parts"),
    "recipe.created": _("created a recipe"),
    "dataset.created": _("created a dataset"),
    "dataset_version.created": _("started building a dataset version"),
    "pair.created": _("created a question-and-answer pair"),
    "pair.updated": _("changed a question-and-answer pair"),
    "pair.approved": _("approved a question-and-answer pair"),
    "pair.rejected": _("rejected a question-and-answer pair"),
    "pair.deleted": _("deleted a question-and-answer pair"),
    "question_set.created": _("created a question set"),
    "question_set.updated": _("changed a question set"),
    "question_set.deleted": _("deleted a question set"),
    "question_set.question_added": _("added a question to a question set"),
    "question_set.question_updated": _("changed a question of a question set"),
    "question_set.question_removed": _("removed a question from a question set"),
    "training_run.created": _("started a training"),
    "model_version.created": _("registered a model version"),
    "model_version.deleted": _("deleted a model version"),
    "model_version.export_requested": _("requested an export"),
    "installation.restored": _("restored the installation from a backup"),
    "base_model.moved": _("moved a base model's folder"),
    "base_model.stop_strings_set": _("set a base model's stop strings"),
    "base_model.registered": _("registered a base model"),
    "suite.created": _("created an evaluation suite"),
    "evaluation.created": _("started an evaluation"),
    "knowledge_base.created": _("created a knowledge base"),
    "knowledge_base.updated": _("changed a knowledge base"),
    "knowledge_base.documents_added": _("added documents to a knowledge base"),
    "knowledge_base.document_removed": _("removed a document from a knowledge base"),
    "knowledge_base.deleted": _("deleted a knowledge base"),
    "index_build.created": _("started building an index"),
    "release_policy.set": _("changed the release policy"),
    "release.created": _("created a release"),
    "release.approved": _("approved a release"),
    "release.rejected": _("rejected a release"),
    "release.published": _("published a release"),
    "release.rolled_back": _("rolled a release back"),
    "release.withdrawn": _("took a deployment out of service"),
    "schedule.created": _("created a schedule"),
    "schedule.updated": _("changed a schedule"),
    "schedule.fired": _("started a retraining"),
    "schedule.run_stopped": _("stopped a retraining"),
    "schedule.skipped": _("skipped a retraining"),
    "schedule.deleted": _("deleted a schedule"),
    "conversation.created": _("started a conversation"),
    "conversation.deleted": _("deleted a conversation"),
    "job.submitted": _("queued a job"),
    "job.starting": _("job is starting"),
    "job.running": _("job is running"),
    "job.pausing": _("requested that a job pause"),
    "job.paused": _("job paused"),
    "job.queued": _("job was queued again"),
    "job.cancelling": _("requested that a job stop"),
    "job.cancelled": _("job was cancelled"),
    "job.succeeded": _("job succeeded"),
    "job.failed": _("job failed"),
    "cluster.created": _("set up a cluster"),
    "cluster.measured": _("adapted a cluster to its machine"),
}


def worded(words: Words, code: str) -> str:
    """The label of `code`; without one, the code with spaces for its underscores."""
    return str(words.get(code) or code.replace("_", " "))
