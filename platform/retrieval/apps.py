from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "retrieval"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from documents.masking import held_masked_by
        from retrieval.selectors import documents_held_masked

        held_masked_by(documents_held_masked)
