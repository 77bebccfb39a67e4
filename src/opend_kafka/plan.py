"""What a configuration comes to: topics, and the wire format of their records."""

from __future__ import annotations

from opend_kafka.config import Config, as_property
from opend_kafka.kafka.registry import ConfluentRegistry, SingleObject, WireFormat
from opend_kafka.kafka.routing import topic_names
from opend_kafka.kafka.topics import TopicSpec
from opend_kafka.opend.subscriptions import Subscription


def topic_specs(config: Config) -> list[TopicSpec]:
    """Give the topics that the configuration wants, each once, in its order.

    Raises:
        ConfigurationError: a name is too long.
    """
    kafka = config.kafka
    settings = {key: as_property(value) for key, value in kafka.topics.config.items()}
    return [
        TopicSpec(name, kafka.topics.partitions, kafka.topics.replication_factor, settings)
        for name in dict.fromkeys(topics_of(config).values())
    ] + [TopicSpec(events_topic(config), 1, kafka.topics.replication_factor)]


def events_topic(config: Config) -> str:
    """Give the topic of session events. One partition: they are read in their order."""
    return f"{config.kafka.topic_prefix}.events"


def topics_of(config: Config) -> dict[Subscription, str]:
    """Give the topic of each wanted subscription.

    Raises:
        ConfigurationError: a name is too long.
    """
    kafka = config.kafka
    return topic_names(config.wanted(), prefix=kafka.topic_prefix, layout=kafka.topic_layout)


def wire_format_of(config: Config) -> WireFormat:
    """Give the wire format that the configuration wants.

    Raises:
        ConfigurationError: the registry's properties cannot be used.
    """
    registry = config.schema_registry
    if registry.url is None:
        return SingleObject()
    return ConfluentRegistry(
        registry.url,
        {key: as_property(value) for key, value in registry.properties.items()},
        strategy=registry.subject_name_strategy,
        auto_register=registry.auto_register,
    )
