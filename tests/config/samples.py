"""Configurations as files have them, and how the reading refuses others."""

from __future__ import annotations

import pytest

from opend_kafka.config import parse
from opend_kafka.errors import ConfigurationError

#: The contract's example, without the keys that come with later versions.
EXAMPLE = """\
opend:
  host: 127.0.0.1
  port: 11111
  transport: tcp
  encryption: none
  rsa_private_key_file: null
  push_format: protobuf
  request_timeout_s: 12
  reconnect: {initial_s: 0.5, max_s: 30}
subscriptions:
  - securities: [HK.00700, US.AAPL]
    subtypes: [ticker, order-book]
    session: null
    first_push: true
    order_book_detail: false
kafka:
  bootstrap_servers: localhost:9092
  properties: {}
  topic_prefix: opend
  topic_layout: subtype_security
  topics: {create: true, partitions: 1, replication_factor: -1, config: {}}
  record_timestamp: ingest
  max_buffered_bytes: 268435456
  on_delivery_failure: exit
schema_registry:
  url: http://localhost:8081
  auto_register: true
  subject_name_strategy: record
  properties: {}
admin: {host: 127.0.0.1, port: 8080}
log: {level: info, format: auto}
"""

#: One line: what every configuration must have.
WANTED = "subscriptions: [{securities: [HK.00700], subtypes: [ticker]}]\n"


def refusal(text: str) -> str:
    """Give what a configuration is refused with."""
    with pytest.raises(ConfigurationError) as refused:
        parse(text, origin="config.yaml")
    return str(refused.value)
