"""What can be configured: the parts, their defaults, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from opend_kafka.config.secrets import with_secrets
from opend_kafka.errors import KeyUnusable, system_words
from opend_kafka.opend.ciphers import Encryption, PacketCipher, Plain, read_rsa
from opend_kafka.opend.frames import BodyFormat
from opend_kafka.opend.securities import Security
from opend_kafka.opend.subscriptions import Subscription, Subtype, Terms, TradingSession


def _no_boolean(value: Any) -> Any:
    """Refuse `port: yes`, which pydantic would take for 1."""
    if isinstance(value, bool):
        raise ValueError("Input should be a number, not true or false")
    return value


def _plain(value: Any) -> Any:
    """Refuse in one sentence what a union would refuse once for each of its types."""
    if not isinstance(value, str | int | float | bool):
        raise ValueError("write a text, a number, true or false")
    return value


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Port = Annotated[Whole, Field(ge=0, le=65535)]
Properties = dict[str, Annotated[str | int | float | bool, BeforeValidator(_plain)]]
PositiveSeconds = Annotated[float, Field(gt=0)]


def as_property(value: str | int | float | bool) -> str:
    """Write a value as Kafka's properties files do: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reconnect(_Part):
    """Seconds between attempts: exponential from the first to the last, with full jitter."""

    initial_s: PositiveSeconds = 0.5
    max_s: PositiveSeconds = 30

    @model_validator(mode="after")
    def _rising(self) -> Reconnect:
        if self.initial_s > self.max_s:
            raise ValueError(f"initial_s {self.initial_s:g} is above max_s {self.max_s:g}")
        return self


class WebSocket(_Part):
    """The relay's key, and its TLS."""

    key: SecretStr | None = None
    key_file: Path | None = None
    ssl: bool = False
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> WebSocket:
        if self.key is not None and self.key_file is not None:
            raise ValueError("key and key_file are both given; keep one")
        if self.ca_file is not None and not self.ssl:
            raise ValueError("ca_file is given and ssl is false; set ssl: true, or drop ca_file")
        return self

    def secret(self) -> str:
        """Give the key, from wherever it is; empty where there is none.

        Raises:
            KeyUnusable: the file cannot be read.
        """
        if self.key_file is None:
            return self.key.get_secret_value() if self.key else ""
        try:
            return self.key_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnusable(
                f"opend.websocket.key_file: {self.key_file}: {why_unreadable(error)}"
            ) from None


class OpenD(_Part):
    """Where OpenD is, and how to talk to it."""

    host: str = "127.0.0.1"
    port: Port = 11111
    transport: Literal["tcp", "websocket"] = "tcp"
    encryption: Encryption = Encryption.NONE
    rsa_private_key_file: Path | None = None
    push_format: Literal["protobuf", "json"] = "protobuf"
    request_timeout_s: PositiveSeconds = 12
    websocket: WebSocket = WebSocket()
    reconnect: Reconnect = Reconnect()

    @model_validator(mode="after")
    def _key_for_the_cipher(self) -> OpenD:
        if self.encryption is not Encryption.NONE and self.rsa_private_key_file is None:
            raise ValueError(
                f"encryption {self.encryption} needs rsa_private_key_file, the key file of OpenD"
            )
        return self

    @model_validator(mode="after")
    def _nothing_that_a_relay_lacks(self) -> OpenD:
        if self.transport == "websocket":
            if self.rsa_private_key_file is not None:
                raise ValueError("rsa_private_key_file is for transport tcp; websocket has ssl")
            if self.push_format == "json":
                raise ValueError("push_format json is for transport tcp only")
        return self

    def relay_key(self) -> str | None:
        """Give the key of the relay's login, empty where there is none; None over TCP.

        Raises:
            KeyUnusable: the key file cannot be read.
        """
        return None if self.transport == "tcp" else self.websocket.secret()

    @property
    def body_format(self) -> BodyFormat:
        """`push_format` as the frame header has it."""
        return BodyFormat[self.push_format.upper()]

    def rsa(self) -> PacketCipher:
        """Give the cipher of InitConnect.

        Raises:
            KeyUnusable: the file cannot be read, or holds no usable key.
        """
        if self.rsa_private_key_file is None:
            return Plain()
        try:
            return read_rsa(self.rsa_private_key_file)
        except KeyUnusable as error:
            raise KeyUnusable(f"opend.rsa_private_key_file: {error}") from None


def _security(value: Any) -> Security:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no security: write MARKET.CODE, such as HK.00700")
    return Security.parse(value)


def _subtype(value: Any) -> Any:
    try:
        return Subtype(value)
    except ValueError:
        known = ", ".join(Subtype)
        raise ValueError(f"{value!r} is no subtype; there are {known}") from None


def _session(value: Any) -> TradingSession | None:
    if value is None:
        return None
    try:
        return TradingSession[str(value).upper()]
    except KeyError:
        raise ValueError(f"{value!r} is no session; there are rth, eth, all") from None


class SubscriptionEntry(_Part):
    """Every one of `securities` × every one of `subtypes`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    securities: Annotated[
        list[Annotated[Security, BeforeValidator(_security)]], Field(min_length=1)
    ]
    subtypes: Annotated[list[Annotated[Subtype, BeforeValidator(_subtype)]], Field(min_length=1)]
    session: Annotated[TradingSession | None, BeforeValidator(_session)] = None
    first_push: bool = True
    order_book_detail: bool = False

    def subscriptions(self) -> list[Subscription]:
        """Give them one by one."""
        terms = Terms(self.first_push, self.session, self.order_book_detail)
        return [
            Subscription(security, subtype, terms.for_one(security, subtype))
            for security in self.securities
            for subtype in self.subtypes
        ]


class Topics(_Part):
    """How topics are made. `replication_factor: -1` leaves it to the brokers."""

    create: bool = True
    partitions: Annotated[Whole, Field(ge=1)] = 1
    replication_factor: Annotated[Whole, Field(ge=-1)] = -1
    config: Properties = {}


class Kafka(_Part):
    """The cluster, the topics, and the limits of what waits for them."""

    bootstrap_servers: str = "localhost:9092"
    properties: Properties = {}
    topic_prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100)] = "opend"
    topic_layout: Literal["subtype_security", "subtype"] = "subtype_security"
    topics: Topics = Topics()
    record_timestamp: Literal["ingest", "event"] = "ingest"
    max_buffered_bytes: Annotated[Whole, Field(ge=1_000_000)] = 268_435_456
    on_delivery_failure: Literal["exit", "continue"] = "exit"
    dead_letter_unknown_fields: bool = False
    order_book_latest: bool = False

    @property
    def librdkafka(self) -> dict[str, str]:
        """`properties` as librdkafka reads them, with the secrets that files hold.

        Raises:
            ConfigurationError: such a file cannot be read.
        """
        properties = with_secrets("kafka.properties", self.properties)
        return {key: as_property(value) for key, value in properties.items()}


class SchemaRegistry(_Part):
    """The registry; `url: null` writes single-object encoding without one."""

    url: str | None = "http://localhost:8081"
    auto_register: bool = True
    subject_name_strategy: Literal["record", "topic", "topic_record"] = "record"
    properties: Properties = {}

    @property
    def client_properties(self) -> dict[str, str | int | float | bool]:
        """`properties` as the registry's client takes them, with the secrets that files hold.

        Raises:
            ConfigurationError: such a file cannot be read.
        """
        return with_secrets("schema_registry.properties", self.properties)


class Repair(_Part):
    """What a restart and a lost link leave open: asked for anew, as far as OpenD remembers.

    `max_ticks` are asked for at once: 1000 is OpenD's own limit (Qot_GetTicker.maxRetNum).
    """

    enabled: bool = True
    max_ticks: Annotated[Whole, Field(ge=1, le=1000)] = 1000
    watermark_interval_s: PositiveSeconds = 1


class Admin(_Part):
    """Where health, metrics and status are served. Port 0 takes any free one and logs it."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Log(_Part):
    """`auto` is console on a terminal and JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Config(_Part):
    """The whole configuration. Each room is handed its own part."""

    opend: OpenD = OpenD()
    subscriptions: Annotated[list[SubscriptionEntry], Field(min_length=1)]
    kafka: Kafka = Kafka()
    schema_registry: SchemaRegistry = SchemaRegistry()
    repair: Repair = Repair()
    admin: Admin = Admin()
    log: Log = Log()

    @model_validator(mode="after")
    def _one_way_each(self) -> Config:
        terms: dict[tuple[Security, Subtype], Terms] = {}
        for one in self.wanted():
            if terms.setdefault((one.security, one.subtype), one.terms) != one.terms:
                raise ValueError(
                    f"subscriptions: {one} is wanted twice, with different "
                    "session, first_push or order_book_detail; keep one"
                )
        return self

    def wanted(self) -> list[Subscription]:
        """Give every subscription, in the file's order."""
        return [one for entry in self.subscriptions for one in entry.subscriptions()]


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Say why a file has no text for us."""
    return system_words(error) if isinstance(error, OSError) else "it is not UTF-8"
