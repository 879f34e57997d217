"""The base class of the sections of a scenario."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or is a tuple or union of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_in(part))), None)


def fields_by_key(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section by their keys in a scenario."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def docstrings(section: type) -> dict[str, str]:
    """Return the docstrings of the fields of a class, by name.

    Pydantic's `use_attribute_docstrings` reads the source of every section whenever it is imported.
    """
    [body] = ast.parse(inspect.getsource(section)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in pairwise(body.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str() as docstring)):
                found[name] = inspect.cleandoc(docstring)
    return found


def describe(schema: dict[str, Any], section: type[BaseModel]) -> None:
    """Add the docstrings of the fields of a section to its JSON schema."""
    for name, text in docstrings(section).items():
        key = section.model_fields[name].alias or name
        schema["properties"][key] = {"description": text, **schema["properties"][key]}


class Model(BaseModel):
    """Base of every section of a scenario: frozen, and an unknown key is an error.

    A key without a value (`harness:`) is read as absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, json_schema_extra=describe)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written = handler(schema)
        properties = handler.resolve_ref_schema(written).get("properties", {})
        for key, field in fields_by_key(cls).items():
            is_list_or_section = get_origin(field.annotation) is tuple or section_in(field.annotation)
            if key in properties and is_list_or_section and not field.is_required():
                inner = dict(properties[key])
                about = {"description": inner.pop("description")} if "description" in inner else {}
                properties[key] = {**about, "anyOf": [inner, {"type": "null"}]}
        return written

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        optional = {key for key, field in fields_by_key(cls).items() if not field.is_required()}
        return {key: value for key, value in raw.items() if value is not None or key not in optional}


class OrWord:
    """Marks a field that a word can stand for: ``Annotated[Cache | None, OrWord("warm", None)]``."""

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
