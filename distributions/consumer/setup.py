"""Builds a wheel from the modules of ../../src that a consumer needs."""

from tempfile import TemporaryDirectory

from setuptools import setup
from setuptools.command.build_py import build_py

#: Of these packages only these modules; of the others all.
MODULES = {
    "opend_kafka": {"__init__", "errors", "schemas"},
    "opend_kafka.consuming": {
        "__init__", "audit", "books", "decoding", "gaps", "missing", "picking", "progress",
        "records", "resuming", "sequences", "streaming", "ticks",
    },
}  # fmt: skip


class WithoutTheWorker(build_py):
    """Leaves out what belongs to the worker and to its commands."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Give (package, module, file) of what goes into the wheel."""
        found = super().find_package_modules(package, package_dir)
        return [one for one in found if one[1] in MODULES.get(package, {one[1]})]


# Nothing is left beside the sources, so no earlier build gets into a later wheel.
with TemporaryDirectory() as made:
    setup(
        cmdclass={"build_py": WithoutTheWorker},
        options={"build": {"build_base": made}, "egg_info": {"egg_base": made}},
    )
