"""Market-data pushes from Futu/moomoo OpenD, as Avro records in Kafka."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("opend-kafka")
except PackageNotFoundError:  # installed for a consumer, without the worker
    __version__ = version("opend-kafka-consumer")
