"""A real schema registry for tests: Apicurio Registry in memory, speaking Confluent's API.

Facts about its settings: Apicurio Registry 2.6 documentation, "Configuring", and the
application.properties inside its jar.
"""

import http.client
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import java, maven, processes
from .processes import LOOPBACK, ReservedPort, Service, ServiceFailed, await_ready

_POM = Path(__file__).parent / "poms" / "apicurio" / "pom.xml"
_CONFLUENT_API = "/apis/ccompat/v7"
_HEAP_MIB = 256
_START_LIMIT_S = 60.0
_REQUEST_LIMIT_S = 5.0


class RegistryUnavailable(maven.Unavailable):
    """Java or Maven is missing or could not resolve; str() is the reason for a skip."""


@contextmanager
def running(data_dir: Path) -> "Iterator[Apicurio]":
    """Start a registry, hand it over once it answers, and close it at the end.

    `data_dir` is created if need be; it gets the log, while schemas are in memory only.
    Raises RegistryUnavailable when the machine cannot run the registry, and ServiceFailed, with
    the end of its log, when it dies at its start or does not answer within 60 s.
    """
    with Apicurio(data_dir) as registry:
        yield registry


class Apicurio:
    """A running registry; `url` is what Confluent's clients take as schema.registry.url.

    As in Confluent's registry, BACKWARD is demanded of subjects that have no level of their own,
    and a schema that differs in white space alone is the same schema. Unlike there, a subject
    without versions has no level (404) unless one was set, and /mode does not exist.
    """

    def __init__(self, data_dir: Path) -> None:
        """Start the registry; raises as `running` does."""
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            processes.require_support()
            self._archive = java.ClassArchive(maven.cache_key(_POM), data_dir)
            start = [maven.program("java"), *self._java_flags(data_dir)]
            runner = _runner_jar()
        except maven.Unavailable as reason:
            raise RegistryUnavailable(f"the schema registry cannot run: {reason}") from reason
        with ExitStack() as cleanup:
            self._port = cleanup.enter_context(ReservedPort())
            self.url: str = f"http://{self._port.address}{_CONFLUENT_API}"
            command = [*start, *_settings(self._port), "-jar", str(runner)]
            self._service = Service("Apicurio Registry", command, data_dir / "registry.log")
            cleanup.callback(self._stop)
            self._await_answers()
            self._cleanup = cleanup.pop_all()

    def __enter__(self) -> "Apicurio":
        """Return the registry, which runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the registry."""
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the registry."""
        return self._service.pid

    def close(self) -> None:
        """End the registry; its schemas are gone."""
        self._cleanup.close()

    def _java_flags(self, temp_dir: Path) -> list[str]:
        return java.quick_start_flags(_HEAP_MIB, temp_dir) + self._archive.use_or_write_flags()

    def _stop(self) -> None:
        # Only an orderly exit writes the archive that makes later starts quick.
        self._service.stop(kill=not self._archive.is_missing)
        self._archive.keep()

    def _await_answers(self) -> None:
        await_ready([self._service], self._is_ready, _START_LIMIT_S)
        # Set through the API: as a start-up property it is enforced, but reported as NONE.
        if self._request("PUT", "/config", {"compatibility": "BACKWARD"}) != 200:
            raise self._service.failure("did not take BACKWARD as the compatibility level")

    def _is_ready(self) -> bool:
        return self._port.answers() and self._request("GET", "/subjects") == 200

    def _request(self, method: str, path: str, body: object = None) -> int:
        """Return the HTTP status of a request, or 0 when there was no answer."""
        # Not urllib: it would send requests for loopback through a proxy that is set.
        connection = http.client.HTTPConnection(
            LOOPBACK, self._port.number, timeout=_REQUEST_LIMIT_S
        )
        content = None if body is None else json.dumps(body)
        try:
            connection.request(
                method, _CONFLUENT_API + path, content, {"Content-Type": "application/json"}
            )
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def _settings(port: ReservedPort) -> list[str]:
    return [
        f"-Dquarkus.http.host={LOOPBACK}",
        f"-Dquarkus.http.port={port.number}",
        "-Dquarkus.banner.enabled=false",
        # Confluent's registry compares parsed schemas, not their text.
        "-Dregistry.ccompat.use-canonical-hash=true",
    ]


def _runner_jar() -> Path:
    """Return the jar to start, unpacked with its libraries in the cache; it is done only once."""
    [archive] = maven.resolve(_POM)
    unpacked = maven.cache_dir() / maven.cache_key(_POM)
    if not unpacked.exists():
        _unpack(archive, unpacked)
    jars = list(unpacked.glob("*-runner.jar"))
    if len(jars) != 1:
        raise ServiceFailed(f"{archive.name} holds {len(jars)} runner jars instead of one")
    return jars[0]


def _unpack(archive: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as staging:
        content = Path(staging) / "content"
        with tarfile.open(archive) as tar:
            tar.extractall(content, filter="data")
        # Renamed whole; another test process may have been quicker, with the same content.
        try:
            os.rename(content, target)
        except OSError:
            if not target.exists():
                raise
            shutil.rmtree(content)
