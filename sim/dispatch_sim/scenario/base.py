"""What all parts of a scenario have in common."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

_ABOUT = ("title", "description", "default")
"""What a JSON schema says of a key besides its form."""


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or is a tuple or union of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, Union, types.UnionType):
        return next((found for arg in get_args(annotation) if (found := section_in(arg))), None)
    return None


class Model(BaseModel):
    """Base of every part of a scenario: frozen, and a key it does not know is an error.

    A section or list that is left empty (`harness:`) is read as not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written = handler(schema)
        properties = handler.resolve_ref_schema(written).get("properties", {})
        for name, field in cls.model_fields.items():
            key = field.alias or name
            if key in properties and _may_be_empty(field):
                inner = dict(properties[key])
                about = {word: inner.pop(word) for word in _ABOUT if word in inner}
                properties[key] = {**about, "anyOf": [inner, {"type": "null"}]}
        return written

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        empty = {
            field.alias or name
            for name, field in cls.model_fields.items()
            if raw.get(field.alias or name, raw) is None and _may_be_empty(field)
        }
        return {key: value for key, value in raw.items() if key not in empty} if empty else raw


def _may_be_empty(field: FieldInfo) -> bool:
    is_list = get_origin(field.annotation) is tuple
    return not field.is_required() and (is_list or section_in(field.annotation) is not None)


class OrWord:
    """Marks a field that can be given by a word as well: ``Annotated[Cache | None, OrWord("warm",
    None)]``."""

    def __init__(self, word: str, meaning: Any) -> None:
        self.word = word
        self.meaning = meaning

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"const": self.word}]}

    def _read(self, raw: Any) -> Any:
        return self.meaning if isinstance(raw, str) and raw == self.word else raw
