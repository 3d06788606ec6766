from django.apps import AppConfig


class StackConfig(AppConfig):
    name = "stack"

    def ready(self) -> None:
        from config import checks  # noqa: F401 - importing registers them
