"""The configuration: one YAML file, the environment over it, checked strictly.

Every key is in `docs/configuration.md`. `OPEND_KAFKA__KAFKA__BOOTSTRAP_SERVERS` in the environment
is `kafka.bootstrap_servers` in the file, and wins.
"""

from opend_kafka.config.file import effective, load, parse
from opend_kafka.config.parts import Config, OpenD, as_property

__all__ = ["Config", "OpenD", "as_property", "effective", "load", "parse"]
