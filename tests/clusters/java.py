"""Starting Java quickly: flags for short-lived test services, and an archive of loaded classes."""

import hashlib
import os
import shutil
from pathlib import Path

from . import maven


def quick_start_flags(heap_mib: int, temp_dir: Path) -> list[str]:
    """Return JVM flags for a small service that lives for seconds, with a heap limit in MiB."""
    return [
        f"-Xmx{heap_mib}m",
        # The cheap compiler and collector: time to the first answer counts, not throughput.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xshare:auto",
        "-XX:-UsePerfData",
        # Native libraries are unpacked to java.io.tmpdir and would be left behind elsewhere.
        f"-Djava.io.tmpdir={temp_dir}",
        # A stale class archive is not worth a warning: Java then starts without it.
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
    ]


class ClassArchive:
    """Classes that an earlier process loaded, in the form Java maps instead of parsing them.

    Dynamic class data sharing (JEP 350, Java 13 and later) halves a broker's start-up. Where no
    archive is cached yet, one service is asked to write one on its orderly exit. Java itself
    checks that an archive fits its jars and its own version, and ignores one that does not.
    """

    def __init__(self, name: str, work_dir: Path) -> None:
        """Look for the archive called `name`; a new one is first written into `work_dir`."""
        self._cached = maven.cache_dir() / f"{name}-java-{_java_fingerprint()}.jsa"
        self._fresh = work_dir / "classes.jsa"
        self.is_missing = not self._cached.exists()

    def use_flags(self) -> list[str]:
        """Return the flags that make a process use the archive, if there is one."""
        return [] if self.is_missing else [f"-XX:SharedArchiveFile={self._cached}"]

    def use_or_write_flags(self) -> list[str]:
        """Return the flags as above, or those that make this process write the archive."""
        return self.use_flags() or [f"-XX:ArchiveClassesAtExit={self._fresh}"]

    def keep(self) -> None:
        """Move a newly written archive to the cache; the process that wrote it has ended."""
        if self.is_missing and self._fresh.exists():
            staged = self._cached.with_name(f"{self._cached.name}.{os.getpid()}")
            shutil.move(self._fresh, staged)
            # Renamed whole: another test process may be about to map the file.
            os.replace(staged, self._cached)


def _java_fingerprint() -> str:
    """Return a name for the installed Java; it changes when Java is upgraded."""
    java = Path(maven.program("java")).resolve()
    state = java.stat()
    identity = f"{java} {state.st_mtime_ns} {state.st_size}"
    return hashlib.sha256(identity.encode()).hexdigest()[:8]
