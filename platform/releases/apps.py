from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "releases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from registry.names import on_name_check
        from releases.selectors import is_alias

        on_name_check(is_alias)
