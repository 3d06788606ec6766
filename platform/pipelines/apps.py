from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    name = "pipelines"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from pipelines.declaration import pipeline_register
        from pipelines.retraining import RETRAINING

        pipeline_register(RETRAINING)
