"""A worker with its feeder on some brokers: what every measurement of ours is made on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from benchmarks.brokers import Brokers
from benchmarks.children import Child
from benchmarks.load import Shape, securities
from opend_kafka import config as configuration
from opend_kafka.plan import topic_specs, topics_of

#: Seconds that a worker has to be live: with a thousand topics, Kafka makes them meanwhile.
_LIVE_S = 120.0

#: Seconds that records have to be delivered once all were sent.
DELIVERED_S = 60.0

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker is set to: the shape of its pushes, and what the configuration says.

    Attributes:
        shape: of the pushes.
        layout: kafka.topic_layout. With `subtype` all securities share one topic.
        properties: kafka.properties.
        noting: whether the times of each record are kept.
    """

    shape: Shape = field(default_factory=Shape)
    layout: str = "subtype_security"
    properties: dict[str, Any] = field(default_factory=dict)
    noting: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A live worker, and the feeder it is connected to."""

    setting: Setting
    folder: Path
    config_path: Path
    worker: Child
    feeder: Child
    #: By security, in the feeder's order.
    topics: list[str]
    #: What the feeder has encoded and not sent yet: the sizes of each batch.
    batches: deque[dict[str, Any]]

    def blast(self, profile: Path | None = None) -> dict[str, Any]:
        """Send the next batch as fast as it is taken; give what the worker used for it."""
        prepared = self.batches.popleft()
        self.worker.ask("begin", profile=None if profile is None else str(profile))
        self.feeder.tell("blast")
        used = self.until_delivered(prepared["records"])
        self.feeder.hear()
        return used | prepared

    def pace(self, rate: float, times: Path) -> dict[str, Any]:
        """Send the next batch at so many records a second; give what the worker used for it."""
        prepared = self.batches.popleft()
        self.worker.ask("begin")
        seconds = prepared["records"] / rate
        self.feeder.tell("pace", rate=rate, times=str(times))
        used = self.until_delivered(prepared["records"], seconds)
        return used | self.feeder.hear() | prepared

    def until_delivered(self, records: int, seconds: float = 0.0) -> dict[str, Any]:
        """Wait for so many records since `begin`, sent in so many seconds; give what it took."""
        limit_s = seconds + DELIVERED_S
        self.worker.tell("end", records=records, limit_s=limit_s)
        return self.worker.hear(limit_s + 10)


def configured(brokers: Brokers, setting: Setting, folder: Path, *, port: int = 1) -> Path:
    """Give the configuration of a worker with topics of its own, which are made.

    Args:
        brokers: where it writes.
        setting: how it is set.
        folder: for the file.
        port: OpenD's; any will do where no worker is run.
    """
    name = f"b{next(_numbers)}"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(_configuration(brokers, setting, name, port)))
    brokers.create([spec.name for spec in topic_specs(configuration.load(path))])
    return path


@contextmanager
def standing(
    brokers: Brokers, setting: Setting, batches: Sequence[int], folder: Path
) -> Iterator[Stage]:
    """Set up a worker of its own, with topics of its own; give it once it is live.

    Args:
        brokers: where it writes.
        setting: how it is set.
        batches: records of each batch that the feeder is to encode, before all is measured.
        folder: for files.
    """
    with ExitStack() as stack:
        feeder = stack.enter_context(Child("feeder", log=folder / "feeder.log"))
        port = feeder.ask("listen", shape=setting.shape.as_arguments())["port"]
        path = configured(brokers, setting, folder, port=port)
        arguments = [str(path), *(["--times"] if setting.noting else [])]
        worker = stack.enter_context(Child("worker", *arguments, log=folder / "worker.log"))
        for records in batches:  # while the worker starts
            feeder.tell("prepare", records=records)
        prepared = deque(feeder.hear() for _ in batches)
        worker.ask("live", limit_s=_LIVE_S)
        topics = list(topics_of(configuration.load(path)).values())
        yield Stage(setting, folder, path, worker, feeder, topics, prepared)


def _configuration(brokers: Brokers, setting: Setting, prefix: str, port: int) -> dict[str, Any]:
    shape = setting.shape
    return {
        "opend": {"port": port},
        "subscriptions": [
            {
                "securities": [str(one) for one in securities(shape.securities)],
                "subtypes": [str(shape.subtype)],
                "first_push": False,
                "order_book_detail": bool(shape.orders),
            }
        ],
        "kafka": {
            "bootstrap_servers": brokers.bootstrap_servers,
            "topic_prefix": prefix,
            "topic_layout": setting.layout,
            "properties": setting.properties,
        },
        "schema_registry": {"url": None},
        "admin": {"port": 0},
    }
