"""How often Python's allocators are asked for memory: counted by a few lines of C."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

_SOURCE = Path(__file__).with_name("counting.c")


def allocations(body: Callable[[], object]) -> int | None:
    """Run `body`; give how often it asked Python's allocators. None: there is no C compiler."""
    library = _library()
    if library is None:
        return None
    library.start()
    try:
        body()
    finally:
        count: int = library.stop()
    return count


@lru_cache(maxsize=1)
def _library() -> ctypes.PyDLL | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "counting.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(built), str(_SOURCE)]
        subprocess.run(command, check=True)
        library = ctypes.PyDLL(str(built))
    library.stop.restype = ctypes.c_ulonglong
    return library
