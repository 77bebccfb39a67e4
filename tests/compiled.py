"""Compiled modules, where they were built; their tests are skipped where they were not."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def compiled(module: str) -> Any:
    """Import a compiled module; OPEND_KAFKA_TEST_TOOLS=1 forbids to skip where there is none."""
    if os.environ.get("OPEND_KAFKA_TEST_TOOLS") == "1":
        return importlib.import_module(module)
    return pytest.importorskip(module, exc_type=ImportError)
