"""Our messages are the official SDK's, and the generated code is that of our proto files."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from opend_kafka.opend import pb

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "src" / "opend_kafka" / "opend" / "pb"

PACKAGE = "opend_kafka."
MODULES = [
    importlib.import_module(f"{pb.__name__}.{module.name}")
    for module in pkgutil.iter_modules(pb.__path__)
]

#: A descriptor of protobuf's; its two implementations have classes of their own.
Descriptor = Any


def messages(container: Descriptor) -> Iterator[Descriptor]:
    """Yield the messages of a file or a message, inner ones too."""
    own = getattr(container, "message_types_by_name", None)
    for message in (container.nested_types_by_name if own is None else own).values():
        yield message
        yield from messages(message)


def enums(file: Descriptor) -> Iterator[Descriptor]:
    """Yield the enums of a file, inner ones too."""
    yield from file.enum_types_by_name.values()
    for message in messages(file):
        yield from message.enum_types_by_name.values()


#: The Python SDK has no WebSocket and no message for it: tests/sdk compares it with npm's package.
JAVASCRIPT_ONLY = "opend_kafka.InitWebSocket."

MESSAGES = {
    one.full_name: one
    for module in MODULES
    for one in messages(module.DESCRIPTOR)
    if not one.full_name.startswith(JAVASCRIPT_ONLY)
}
ENUMS = {one.full_name: one for module in MODULES for one in enums(module.DESCRIPTOR)}

Official = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    """Import one of the SDK's protobuf modules, without the SDK.

    The modules import each other as top-level ones, so their folder is enough. `import futu`
    would open a log file below HOME and take over SIGINT.
    """
    spec = find_spec("futu")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "common" / "pb"
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        yield importlib.import_module


def theirs(official: Official, our_name: str) -> Descriptor:
    """Give the SDK's descriptor of one of ours, `opend_kafka.Qot_Common.Security`."""
    file, *path = our_name.removeprefix(PACKAGE).split(".")
    one: Any = official(f"{file}_pb2")
    for name in path:
        assert hasattr(one, name), f"the SDK has no {our_name.removeprefix(PACKAGE)}"
        one = getattr(one, name)
    return one.DESCRIPTOR


def fields(message: Descriptor) -> dict[str, dict[str, Any]]:
    """Give what the wire and the meaning of each field depend on, by the field's name."""
    return {
        field.name: {
            "number": field.number,
            "type": field.type,
            "required": field.is_required,
            "repeated": field.is_repeated,
            "packed": field.is_packed,
            "default": field.default_value if field.has_default_value else None,
            "of": _name(field.message_type or field.enum_type),
        }
        for field in message.fields
    }


def _name(kind: Descriptor) -> str | None:
    return None if kind is None else kind.full_name.removeprefix(PACKAGE)


def values(enum: Descriptor) -> dict[str, int]:
    """Give the numbers of an enum by their names."""
    return {value.name: value.number for value in enum.values}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_has_exactly_the_fields_of_sdk(name: str, official: Official) -> None:
    """Each message has the SDK's fields: all of them, no others, with the same wire form."""
    assert fields(MESSAGES[name]) == fields(theirs(official, name))


@pytest.mark.parametrize("name", ENUMS)
def test_enum_has_exactly_the_values_of_sdk(name: str, official: Official) -> None:
    """Each enum has the SDK's values: all of them, no others, under the same numbers."""
    assert values(ENUMS[name]) == values(theirs(official, name))


def test_both_protocols_live_in_one_process(official: Official) -> None:
    """The SDK's messages and ours share one descriptor pool, and read each other's bytes."""
    their_security = official("Qot_Common_pb2").Security(market=1, code="00700")
    our_security = importlib.import_module(f"{pb.__name__}.Qot_Common_pb2").Security
    assert our_security.FromString(their_security.SerializeToString()).code == "00700"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the modules anew, as `make proto` does."""
    out = tmp_path_factory.mktemp("proto")
    files = sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("proto/opend_kafka/opend/pb/*.proto")
    )
    protoc = [sys.executable, "-m", "grpc_tools.protoc", "-Iproto"]
    protoc += [f"--python_out={out}", f"--pyi_out={out}", *files]
    subprocess.run(protoc, cwd=ROOT, check=True, timeout=60)
    return out / "opend_kafka" / "opend" / "pb"


def test_generated_modules_are_those_of_proto_files(fresh: Path) -> None:
    """No module is missing, and none is left of a proto file that is gone."""
    generated = {path.name for path in GENERATED.glob("*_pb2.py*")}
    assert generated == {path.name for path in fresh.iterdir()}


@pytest.mark.parametrize("name", [path.name for path in sorted(GENERATED.glob("*_pb2.py*"))])
def test_generated_module_is_current(name: str, fresh: Path) -> None:
    """Generating anew gives the same bytes: `make proto` was run after the last change."""
    assert (GENERATED / name).read_bytes() == (fresh / name).read_bytes()
