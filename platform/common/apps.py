from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class CommonConfig(AppConfig):
    name = "common"
    default_auto_field = "django.db.models.BigAutoField"


class CollectedFilesConfig(StaticFilesConfig):
    """Without files that no page links; collecting them would take most of the time."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "*.map", "redoc*", "LICENSE", "README*"]
