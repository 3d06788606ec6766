from django.apps import AppConfig


class CurationConfig(AppConfig):
    name = "curation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from curation.pairs import pairs_erase
        from curation.question_sets import question_spans_erase
        from documents.deletion import on_document_deletion

        on_document_deletion(pairs_erase)
        on_document_deletion(question_spans_erase)
