"""What the chart has from elsewhere: `make chart` writes it, a test holds it equal.

The configuration's keys come from the worker's own models, so that `helm install` refuses a
misspelt key before any pod starts; alerts and dashboard come from monitoring/, since a chart can
only read files of its own folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from opend_kafka.config import Config
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import TradingSession

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "opend-kafka"
SCHEMA = CHART / "values.schema.json"

#: The chart's copy ← what it is a copy of.
COPIES = {
    CHART / "files" / "alerts.yaml": ROOT / "monitoring" / "alerts.yaml",
    CHART / "files" / "dashboard.json": ROOT / "monitoring" / "dashboard.json",
}

#: What pydantic calls these behind a validator of ours.
_LIMITS = {"ge": "minimum", "le": "maximum"}

#: Helm uses none of them, and docs/configuration.md has them.
_NOISE = ("title", "default", "description", "writeOnly", "format")

#: The chart itself sets these: an endpoint's address is the endpoint's, `admin` a value of its own.
_OF_THE_CHART = ("host", "port")


class _AsWritten(GenerateJsonSchema):
    """JSON schema of what people write, where that is not what the model holds."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Take a Security for the text that it is read from."""
        assert schema["cls"] is Security
        return {"type": "string", "pattern": r"^[A-Z_]+\..+$"}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Take a session for its name."""
        if schema["cls"] is TradingSession:
            return {"enum": [one.name.lower() for one in TradingSession]}
        return super().enum_schema(schema)


def config_schema() -> dict[str, Any]:
    """Give the schema of the chart's `config`."""
    schema = _without_noise(Config.model_json_schema(schema_generator=_AsWritten))
    parts = schema.pop("$defs")
    del schema["properties"]["admin"], parts["Admin"]
    for key in _OF_THE_CHART:
        del parts["OpenD"]["properties"][key]
    # An endpoint may be the one that has the subscriptions.
    del schema["required"]
    inlined: dict[str, Any] = _inline(schema, parts)
    return inlined


def _without_noise(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            _LIMITS.get(key, key): {name: _without_noise(one) for name, one in value.items()}
            if key in ("properties", "$defs")
            else _without_noise(value)
            for key, value in schema.items()
            if key not in _NOISE
        }
    return [_without_noise(one) for one in schema] if isinstance(schema, list) else schema


def _inline(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(parts[schema["$ref"].rpartition("/")[2]], parts)
        return {key: _inline(value, parts) for key, value in schema.items()}
    return [_inline(one, parts) for one in schema] if isinstance(schema, list) else schema


def main() -> None:
    """Write it all."""
    schema = json.loads(SCHEMA.read_text())
    schema["$defs"]["config"] = config_schema()
    SCHEMA.write_text(json.dumps(schema, indent=2) + "\n")
    for copy, original in COPIES.items():
        if original.exists():
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(original.read_text())


if __name__ == "__main__":
    main()
