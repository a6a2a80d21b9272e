"""JSON in a model's answer: parsed, and checked against its schema."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

from evollm.llm.base import ModelError
from evollm.types import JSON

_FENCED = re.compile(r"```(?:json|JSON)?[ \t\r]*\n(.*?)```", re.DOTALL)


def parse_json(text: str) -> JSON:
    """Read the JSON that is the whole of an answer, or the first fenced block in it.

    Raises:
        ValueError: If there is none; NaN and the infinities are not valid JSON.
    """
    fenced = _FENCED.search(text)
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def fault_of(text: str, schema: Mapping[str, JSON]) -> str | None:
    """Return why an answer breaks a JSON schema; None if it does not.

    Raises:
        ModelError: If the schema is invalid, or refers to something that it does not define.
    """
    from referencing.exceptions import Unresolvable

    validator = _validator(json.dumps(schema, sort_keys=True))
    try:
        value = parse_json(text)
    except ValueError as fault:
        return f"the answer is not JSON: {str(fault)[:200]}"
    try:
        worst = next(iter(validator.iter_errors(value)), None)
    except RecursionError:
        return "the answer breaks the schema: nested too deeply"
    except Unresolvable as fault:
        raise ModelError(
            f"the schema refers to {fault.ref}, which it does not define: define it in the schema"
        ) from None
    if worst is None:
        return None
    return f"the answer breaks the schema at {worst.json_path}: {worst.message[:200]}"


def check_schema(schema: Mapping[str, JSON]) -> None:
    """Check a schema before it is used.

    Raises:
        ModelError: If it is not a JSON schema.
    """
    _validator(json.dumps(schema, sort_keys=True))


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    import jsonschema
    from referencing import Registry

    described = json.loads(schema)
    kind = jsonschema.validators.validator_for(described, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(described)
    except jsonschema.SchemaError as fault:
        raise ModelError(
            f"the schema is not a valid JSON schema ({fault.message[:200]}): correct it"
        ) from None
    # An empty registry: a reference to another document is an error, never a download.
    return kind(described, registry=Registry())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
