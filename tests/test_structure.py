"""Tests mirror modules: who looks for a module's tests knows where they are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "opend_kafka"
TESTS = ROOT / "tests"

#: Modules without tests of their own, and why.
EXCEPTIONS = {
    "__main__.py": "it only calls cli.main; cli/test_main.py runs it",
    "opend/events.py": "values without behaviour; test_session.py meets each of them",
    "transport/connection.py": "a Protocol; test_tcp.py and test_link.py stand on its two sides",
}


def _modules() -> list[str]:
    return sorted(
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py" and "pb" not in path.parts
    )


def _test_of(module: str) -> Path:
    path = Path(module)
    return TESTS / path.parent / f"test_{path.name}"


def test_every_module_has_its_tests() -> None:
    """`src/opend_kafka/a/b.py` is tested in `tests/a/test_b.py`."""
    missing = [
        f"{module}: write {_test_of(module).relative_to(ROOT)}"
        for module in _modules()
        if module not in EXCEPTIONS and not _test_of(module).is_file()
    ]
    assert missing == [], "modules without tests:\n  " + "\n  ".join(missing)


def test_every_exception_is_still_one() -> None:
    """An exception names a module that exists and has no tests of its own."""
    stale = [
        module for module in EXCEPTIONS if module not in _modules() or _test_of(module).is_file()
    ]
    assert stale == [], f"remove from EXCEPTIONS: {stale}"
