"""A container engine for tests: the machine's own, or Debian's dockerd started for them.

Where no registry of images can be reached, the base image is made of Debian's own packages: the
same release and the same Python, under the name that the Dockerfile has for it, in a dockerd of the
tests' own. The machine's own images are never replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clusters.maven import Unavailable, cache_dir
from tests.helm.generate import ROOT

#: Seconds: a base from a slow mirror, and a build that downloads everything.
_BUILD_HANGS_S = 900
_STARTED_WITHIN_S = 60

#: Debian's sources, as the machine has them.
_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_image() -> str:
    """Give the name of the image that ours is made from."""
    names: set[str] = set(
        re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    )
    (name,) = names
    return name


@dataclass(frozen=True, slots=True)
class Engine:
    """The docker command, and which daemon it speaks to."""

    host: str | None = None

    def run(self, *arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a docker command, and give what came of it."""
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
        if self.host is not None:
            environment["DOCKER_HOST"] = self.host
        return subprocess.run(
            ["docker", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=within_s,
        )

    def output(self, *arguments: str, within_s: float = 60) -> str:
        """Run a docker command that must succeed; give what it prints."""
        done = self.run(*arguments, within_s=within_s)
        assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def inspect(self, name: str) -> Any:
        """Give what the engine knows of an image or a container."""
        (known,) = json.loads(self.output("inspect", name))
        return known

    def build(self, tag: str) -> None:
        """Build our image."""
        # The network is the machine's: this dockerd has no bridge.
        self.output("build", "--network", "host", "--tag", tag, str(ROOT), within_s=_BUILD_HANGS_S)

    def answers(self) -> bool:
        """Tell whether the daemon is there."""
        return shutil.which("docker") is not None and self.run("info").returncode == 0

    def has(self, image: str) -> bool:
        """Tell whether an image is there, or can be pulled."""
        if self.run("image", "inspect", image).returncode == 0:
            return True
        return self.run("pull", "--quiet", image, within_s=_BUILD_HANGS_S).returncode == 0


@contextmanager
def running() -> Iterator[Engine]:
    """Give an engine that has the base image.

    Raises:
        Unavailable: there is none, and none can be started.
    """
    machines = Engine()
    if machines.answers() and machines.has(base_image()):
        yield machines
        return
    with _dockerd() as engine:
        tar = _base_tar()
        # The tar's name tells how it was made, and the image's label which tar it is.
        known = engine.run("image", "inspect", "--format", "{{.Config.Labels.tar}}", base_image())
        if known.stdout.strip() != tar.name:
            engine.output(
                "import", "--change", f"ENV PATH={_PATH} PIP_CERT={_CERTIFICATES}", "--change",
                f"LABEL tar={tar.name}", str(tar), base_image(), within_s=_BUILD_HANGS_S,
            )  # fmt: skip
        yield engine


@contextmanager
def _dockerd() -> Iterator[Engine]:
    """Start Debian's dockerd, without touching the machine's network."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise Unavailable("no container engine answers, and there is no dockerd to start as root")
    folder = cache_dir() / "docker"
    folder.mkdir(exist_ok=True)
    host = f"unix://{folder}/docker.sock"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "dockerd", "--bridge=none", "--iptables=false", f"--host={host}",
                f"--data-root={folder}/data", f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        engine = Engine(host)
        deadline = time.monotonic() + _STARTED_WITHIN_S
        while not engine.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                last = (folder / "log").read_text().strip().splitlines()[-1:]
                raise Unavailable(f"dockerd does not start: {' '.join(last)}")
            time.sleep(0.1)
        yield engine
    finally:
        process.terminate()
        process.wait(_STARTED_WITHIN_S)


def _base_tar() -> Path:
    """Make a file system with the base image's Python, of Debian's packages; once a machine."""
    python, release = re.findall(r"^python:([0-9.]+)-slim-(\w+)$", base_image())[0]
    source = next((str(one) for one in _SOURCES if one.exists()), None)
    here = "/usr/local/bin"
    hooks = [
        f'ln -s /usr/bin/python{python} "$1{here}/python"',
        f'ln -s /usr/bin/python{python} "$1{here}/python3"',
        # The real one lets pip install, too.
        f'rm -f "$1/usr/lib/python{python}/EXTERNALLY-MANAGED"',
        f'rm -f "$1"/usr/lib/*/libpython{python}*.a "$1"/usr/lib/python{python}/config-*/*.a',
        # Whom this machine trusts: its way to the package index may go through a proxy.
        f'cp {_CERTIFICATES} "$1{_CERTIFICATES}"',
        'if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$1/etc/pip.conf"; fi',
    ]
    command = [
        "mmdebstrap", "--quiet", "--variant=apt",
        # The real one has Python's headers too.
        f"--include=python{python},libpython{python}-dev,python3-pip,python3-venv,"
        "ca-certificates,netbase,tzdata",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in ("doc", "man", "locale")),
        *(f"--customize-hook={hook}" for hook in hooks),
    ]  # fmt: skip
    made_as = hashlib.sha256(" ".join(command).encode()).hexdigest()[:12]
    tar = cache_dir() / f"python-{python}-{release}-{made_as}.tar"
    if tar.exists():
        return tar
    if shutil.which("mmdebstrap") is None or source is None:
        raise Unavailable("the base image cannot be pulled, and there is no mmdebstrap to make it")
    staged = tar.with_suffix(".part.tar")
    done = subprocess.run(
        [*command, release, str(staged), source],
        capture_output=True,
        text=True,
        timeout=_BUILD_HANGS_S,
    )
    if done.returncode != 0:
        staged.unlink(missing_ok=True)
        raise Unavailable(f"mmdebstrap: {done.stderr.strip().splitlines()[-1:]}")
    return staged.rename(tar)
