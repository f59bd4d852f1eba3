"""How parameter keys are declared, checked, and reported."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from skal._utils.hints import name_allowed
from skal.experiment.messages import ParameterError

__all__ = ["NAMED", "Count", "Flag", "HeldOut", "Share", "as_object", "check", "key"]

Count = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
HeldOut = Annotated[float, Field(strict=True, ge=0, lt=1)]
Flag = Annotated[bool, Field(strict=True)]

NAMED = 'a name, or an object with "name" and its parameters'


def key(default, allowed, meaning):
    """Declare a key: its default, its allowed values in words, and its meaning."""
    return Field(default=default, description=meaning, json_schema_extra={"allowed": allowed})


def check(model, raw, others=()):
    """Validate raw values; report the first problem in one line that names its key."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise _first_problem(error, raw, model.model_fields, others) from error


def as_object(name, value):
    """Return a named component as a new dict, without a name if nothing was given."""
    if isinstance(value, str):
        return {"name": value}
    if value is None or isinstance(value, dict):
        return dict(value or {})
    raise ParameterError(name, f"{json.dumps(value, default=str)} is not allowed; use {NAMED}")


def _first_problem(error, raw, fields, others):
    problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0]) if problem["loc"] else "parameters"
    if problem["type"] == "extra_forbidden":
        return ParameterError(name, f"unknown key; {name_allowed(name, [*fields, *others])}")
    if name not in fields:
        return ParameterError(name, problem["msg"])
    value = json.dumps(raw.get(name), default=str)
    options = _options(fields[name].annotation)
    if options:
        hint = name_allowed(raw.get(name), options)
    else:
        hint = f"use {fields[name].json_schema_extra['allowed']}"
    return ParameterError(name, f"{value} is not allowed; {hint}")


def _options(annotation: Any):
    """Return the literals that a type allows, or an empty list."""
    if getattr(annotation, "__origin__", None) is Literal:
        return list(annotation.__args__)
    return [text for part in getattr(annotation, "__args__", ()) for text in _options(part)]
