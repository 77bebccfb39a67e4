"""What a consumer has to have installed: fastavro, and nothing else."""

from __future__ import annotations

import subprocess
import sys

#: All that a consumer builds on. `reading` and `spans` are for confluent-kafka, and need it.
MODULES = [
    "audit", "books", "decoding", "gaps", "missing", "picking", "progress", "records", "resuming",
    "sequences", "streaming", "ticks",
]  # fmt: skip

_BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {"fastavro", "opend_kafka"}:
            raise ModuleNotFoundError(f"no {name}", name=name)

sys.meta_path.insert(0, Blocked())
from importlib import import_module
for one in sys.argv[1:]:
    import_module(f"opend_kafka.consuming.{one}")
from opend_kafka.consuming.decoding import Decoder
Decoder()
"""


def test_consumer_needs_nothing_but_fastavro() -> None:
    """With every other package out of reach, all of it is imported, and the schemas are read."""
    ended = subprocess.run(
        [sys.executable, "-c", _BLOCKED, *MODULES],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
