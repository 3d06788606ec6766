from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "retrieval"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from documents.showing import masked_where
        from retrieval.selectors import masks_document

        masked_where(masks_document)
