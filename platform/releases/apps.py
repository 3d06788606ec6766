from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "releases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from documents.showing import masked_where
        from registry.names import on_name_check
        from releases.selectors import is_alias, masks_document

        on_name_check(is_alias)
        masked_where(masks_document)
