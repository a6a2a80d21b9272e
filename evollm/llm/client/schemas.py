"""JSON in a model's answer: parsed and checked against a schema."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

from evollm.llm.base import ModelError
from evollm.types import JSON

_FENCED = re.compile(r"```(?:json|JSON)?[ \t\r]*\n(.*?)```", re.DOTALL)


def parse_json(text: str) -> JSON:
    """Parse an answer that is JSON as a whole, or its first fenced block.

    Raises:
        ValueError: If neither is valid JSON; NaN and infinities are not.
    """
    fenced = _FENCED.search(text)
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def fault_of(text: str, schema: Mapping[str, JSON]) -> str | None:
    """Return why an answer breaks a JSON schema; None if it does not.

    Raises:
        ModelError: If the schema is invalid, or contains an undefined reference.
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
            f"the schema refers to {fault.ref}, which is not defined: define it in the schema"
        ) from None
    if worst is None:
        return None
    return f"the answer breaks the schema at {worst.json_path}: {worst.message[:200]}"


def check_schema(schema: Mapping[str, JSON]) -> None:
    """Check a schema before it is used.

    Raises:
        ModelError: If it is not a valid JSON schema.
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
            f"the JSON schema is invalid ({fault.message[:200]}): correct it"
        ) from None
    # The registry is empty, so that a reference to another document is an error, not a download.
    return kind(described, registry=Registry())


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
