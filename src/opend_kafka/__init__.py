"""Market-data pushes from Futu/moomoo OpenD, as Avro records in Kafka."""

from importlib.metadata import version

__version__ = version("opend-kafka")
