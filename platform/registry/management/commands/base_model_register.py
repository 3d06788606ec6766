"""Register a base model folder: `manage.py base_model_register NAME PATH --licence Apache-2.0`.

Prints the base model as JSON. Running it again for the same folder changes nothing.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.services import Actor
from common.errors import KoshaError
from registry.api import base_model_body
from registry.models import BaseModelKind
from registry.services import base_model_register


class Command(BaseCommand):
    help = "Check a model folder and register it for the installation."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="for example llama-3-8b; used in model names")
        parser.add_argument("path", help="folder with safetensors weights, config.json and tokenizer")
        parser.add_argument("--kind", choices=BaseModelKind.values, default=BaseModelKind.CAUSAL_LM)
        parser.add_argument("--licence", required=True, help="the terms the weights come under")
        parser.add_argument(
            "--stop",
            action="append",
            default=[],
            metavar="TEXT",
            help="an answer ends before this text, for example the label of the next turn; may be repeated",
        )
        parser.add_argument(
            "--restricted", action="store_true", help="only for organizations it is granted to"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            base_model = base_model_register(
                name=options["name"],
                path=options["path"],
                kind=options["kind"],
                licence=options["licence"],
                open_to_all=not options["restricted"],
                # A shell passes a line break as two characters.
                stop_strings=[stop.replace("\\n", "\n") for stop in options["stop"]],
                actor=Actor("user", "operator", "manage.py"),
            )
        except KoshaError as error:
            raise CommandError(f"{error.code}: {error.message}") from error
        self.stdout.write(json.dumps(base_model_body(base_model)))
