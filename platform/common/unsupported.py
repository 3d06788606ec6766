"""Fields of OpenAI's API that Kosha does not honour: refused by their name, and described so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNSUPPORTED = "unsupported_parameter"
"""The code of the errors, and the type that pydantic knows them by."""
NO_TOOLS = "models use no tools here"
TEXT_ONLY = "answers are text here"


@dataclass(frozen=True, init=False)
class Unsupported:
    """Marks a field in `Annotated`: null and the `harmless` values ask for nothing, every other one is refused.

    `why` is a clause that the error and the description repeat.
    """

    harmless: tuple[Any, ...]
    why: str

    def __init__(self, *harmless: Any, why: str = "") -> None:
        object.__setattr__(self, "harmless", harmless)
        object.__setattr__(self, "why", why)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._refuse, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "description": self.description}

    @property
    def description(self) -> str:
        accepted = ", ".join(["null", *(json.dumps(value) for value in self.harmless)])
        return f"Not supported{self._because}: refused unless {accepted}."

    @property
    def _because(self) -> str:
        return f" ({self.why})" if self.why else ""

    def _refuse(self, given: Any) -> Any:
        if given is not None and given not in self.harmless:
            raise unsupported(self.why)
        return given


def unsupported(why: str = "") -> PydanticCustomError:
    """The refusal of a field, which `field_error` completes by its name."""
    return PydanticCustomError(UNSUPPORTED, "{because}", {"because": f": {why}" if why else ""})
