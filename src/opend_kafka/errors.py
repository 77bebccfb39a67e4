"""Every error of this package: the tree first, then the classes.

    OpendKafkaError
    ├── ConfigurationError          the user's file or environment; exit code 2
    │   ├── KeyUnusable
    │   └── RecordingUnusable       a file that cannot be replayed, or not be written anew
    ├── OpenDError                  the link to OpenD; a new connection may mend it
    │   ├── OpenDUnreachable
    │   ├── LinkLost
    │   ├── ProtocolViolation       bytes that no OpenD sends
    │   │   ├── BadMagic
    │   │   ├── FrameTooLarge
    │   │   ├── PacketMalformed
    │   │   ├── ReplyUnreadable
    │   │   └── KeyMismatch
    │   ├── RequestRefused          retType ≠ 0
    │   ├── RequestTimedOut
    │   └── OpenDNotReady
    ├── PushRejected                one push; it becomes a dead letter, its neighbours go on
    │   ├── UnknownPush
    │   ├── MessageMalformed
    │   ├── PushFailed              retType ≠ 0
    │   ├── PushEmpty               no s2c
    │   ├── RecordUnmappable
    │   ├── NotSubscribed
    │   ├── UnknownFields           the only one whose push becomes records all the same
    │   ├── ChecksumWrong           the frame's SHA-1 is not that of its body
    │   └── BodyUndecipherable
    ├── KafkaError                  the brokers
    │   ├── KafkaUnreachable
    │   ├── KafkaDenied             a login or a certificate, on either side
    │   ├── TopicsFailed
    │   ├── TopicUnreadable
    │   ├── DeliveryFailed
    │   ├── ProducerFailed
    │   ├── DrainFailed
    │   └── EmbeddedKafkaError
    ├── RegistryError               the schema registry
    │   ├── RegistryUnreachable
    │   ├── RegistryDenied          its login, or what the user may do
    │   ├── SchemaRefused
    │   └── SchemasMissing          not registered, and not to be registered by the worker
    ├── RecordingFailed             a file that is being written or read
    ├── BlockMalformed              one block of a recording; the others are read
    ├── PacketUndecipherable        one packet, in the cipher; its frame is damaged
    └── RecordUndecodable           what a consumer read is no record of ours

Errors carry attributes; their text says what happened, where, and what to do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import ClassVar


class OpendKafkaError(Exception):
    """Base of all errors that this package raises on purpose."""


class ConfigurationError(OpendKafkaError):
    """The configuration cannot be used. The text names the key, the line and the fix."""


class KeyUnusable(ConfigurationError):
    """A key that nothing can be encrypted with. The text holds nothing of the key."""


class RecordingUnusable(ConfigurationError):
    """A recording cannot be begun there, or there is none to replay."""

    def __init__(self, path: object, cause: str) -> None:
        super().__init__(f"{path}: {cause}")
        self.path = path


class OpenDError(OpendKafkaError):
    """The link to OpenD failed. `reason` is short and bounded: it labels a metric."""

    reason: ClassVar[str] = "opend"


class OpenDUnreachable(OpenDError):
    """Nothing answers at the address."""

    reason = "unreachable"

    def __init__(self, host: str, port: int, cause: str) -> None:
        super().__init__(
            f"no OpenD answers at {host}:{port} ({cause}); "
            "start OpenD, or correct opend.host and opend.port"
        )
        self.host = host
        self.port = port


class LinkLost(OpenDError):
    """The connection ended, or fell silent."""

    reason = "link_lost"


class ProtocolViolation(OpenDError):
    """The other side sent bytes that the protocol does not allow."""

    reason = "protocol"


class BadMagic(ProtocolViolation):
    """A frame does not begin with b"FT"."""

    reason = "bad_magic"

    def __init__(self, magic: bytes) -> None:
        super().__init__(
            f"a frame begins with the bytes {magic.hex(' ')} instead of 46 54 (FT); "
            "what answers at opend.host:opend.port is not OpenD's API port"
        )
        self.magic = magic


class FrameTooLarge(ProtocolViolation):
    """A header announces a body longer than the limit."""

    reason = "frame_too_large"

    def __init__(self, proto_id: int, body_len: int, limit: int) -> None:
        super().__init__(
            f"a frame of proto_id {proto_id} announces {body_len} bytes; the limit is {limit}"
        )
        self.proto_id = proto_id
        self.body_len = body_len
        self.limit = limit


class PacketMalformed(ProtocolViolation):
    """A WebSocket message is not a packet."""

    reason = "bad_packet"

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"a WebSocket message is no packet: {cause}; "
            "what answers at opend.host:opend.port is not OpenD's WebSocket port"
        )


class ReplyUnreadable(ProtocolViolation):
    """The body of a reply is not the message that its proto_id promises."""

    reason = "reply_unreadable"


class KeyMismatch(ProtocolViolation):
    """The two sides do not encrypt alike."""

    reason = "key_mismatch"

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"{cause}; opend.encryption and opend.rsa_private_key_file, or opend.websocket.key, "
            "must be what OpenD is set to"
        )


class RequestRefused(OpenDError):
    """OpenD answered a request with retType ≠ 0."""

    reason = "request_refused"

    def __init__(self, request: str, ret_type: int, err_code: int | None, ret_msg: str) -> None:
        super().__init__(
            f"OpenD refused {request}: {ret_msg or 'no reason given'} (retType {ret_type}"
            + ("" if err_code is None else f", errCode {err_code}")
            + ")"
        )
        self.request = request
        self.ret_type = ret_type
        self.err_code = err_code
        self.ret_msg = ret_msg


class RequestTimedOut(OpenDError):
    """OpenD did not answer a request in time."""

    reason = "request_timed_out"

    def __init__(self, request: str, waited_s: float) -> None:
        super().__init__(
            f"OpenD did not answer {request} within {waited_s:g} s; "
            "is it OpenD's API port, and is opend.encryption what OpenD is set to?"
        )
        self.request = request
        self.waited_s = waited_s


class OpenDNotReady(OpenDError):
    """OpenD answers, but would send no quotes."""

    reason = "not_ready"

    def __init__(self, cause: str) -> None:
        super().__init__(f"OpenD answers but is not ready: {cause}; look at OpenD's own window")


class PushRejected(OpendKafkaError):
    """One push cannot become records. `reason` is short and bounded: it labels a metric."""

    reason: ClassVar[str] = "rejected"


class UnknownPush(PushRejected):
    """A push whose proto_id no kind of record is made from."""

    reason = "unknown_proto_id"

    def __init__(self, proto_id: int) -> None:
        super().__init__(f"proto_id {proto_id} is not a push that this version knows")
        self.proto_id = proto_id


class MessageMalformed(PushRejected):
    """The body is not the message that its proto_id promises."""

    reason = "malformed"

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(f"the body is no {message}: {cause}")
        self.message = message


class PushFailed(PushRejected):
    """A push with retType ≠ 0."""

    reason = "ret_type"

    def __init__(self, message: str, ret_type: int, ret_msg: str) -> None:
        super().__init__(f"{message} says retType {ret_type}: {ret_msg or 'no reason given'}")
        self.message = message
        self.ret_type = ret_type
        self.ret_msg = ret_msg


class PushEmpty(PushRejected):
    """A push without s2c."""

    reason = "no_s2c"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} carries no s2c")
        self.message = message


class RecordUnmappable(PushRejected):
    """A value of a push has no place in the record's schema."""

    reason = "unmappable"

    def __init__(self, schema: str, cause: str) -> None:
        super().__init__(f"a value does not fit {schema}: {cause}")
        self.schema = schema


class NotSubscribed(PushRejected):
    """A push for a security or subtype that the configuration does not want."""

    reason = "not_subscribed"

    def __init__(self, subtype: str, security: str) -> None:
        super().__init__(f"{subtype} of {security} is not among the subscriptions")
        self.subtype = subtype
        self.security = security


class UnknownFields(PushRejected):
    """A push has fields that this version does not know. Its records are made without them."""

    reason = "unknown_fields"

    def __init__(self, message: str, fields: tuple[str, ...]) -> None:
        super().__init__(
            f"{message} has fields that this version does not know: {', '.join(fields)}; "
            "its records were made without them"
        )
        self.message = message
        self.fields = fields


class ChecksumWrong(PushRejected):
    """A frame's SHA-1 is not that of its body."""

    reason = "checksum"

    def __init__(self) -> None:
        super().__init__("the SHA-1 in the frame's header is not that of the body")


class BodyUndecipherable(PushRejected):
    """A frame's body cannot be decrypted with the session's key."""

    reason = "undecipherable"

    def __init__(self) -> None:
        super().__init__("the body cannot be decrypted with the session's key; it stays as it came")


class KafkaError(OpendKafkaError):
    """The Kafka cluster refuses or does not answer."""


class KafkaUnreachable(KafkaError):
    """No broker answers."""

    def __init__(
        self,
        bootstrap_servers: str,
        cause: str,
        *,
        keys: str = "kafka.bootstrap_servers and kafka.properties",
    ) -> None:
        super().__init__(
            f"no Kafka broker answers at {bootstrap_servers} ({cause}); "
            f"start Kafka, or correct {keys}"
        )
        self.bootstrap_servers = bootstrap_servers


class KafkaDenied(KafkaError):
    """The brokers do not let this user in, or show what it does not trust."""

    def __init__(self, bootstrap_servers: str, cause: str, remedy: str) -> None:
        super().__init__(f"Kafka at {bootstrap_servers} {cause}; {remedy}")
        self.bootstrap_servers = bootstrap_servers


class TopicsFailed(KafkaError):
    """Topics cannot be used as they are. `failures` maps each topic to the reason."""

    def __init__(self, failures: dict[str, str]) -> None:
        super().__init__(f"topics cannot be used: {'; '.join(reasons(failures))}")
        self.failures = failures


class TopicUnreadable(KafkaError):
    """A topic that the worker must read back cannot be read. `forbidden`: an ACL is missing."""

    def __init__(self, topic: str, cause: str, *, forbidden: bool = False) -> None:
        remedy = (
            f"; grant READ and DESCRIBE on topic {topic} to this user (no consumer group is used)"
        )
        super().__init__(f"topic {topic} cannot be read: {cause}" + (remedy if forbidden else ""))
        self.topic = topic
        self.forbidden = forbidden


class DeliveryFailed(KafkaError):
    """Kafka did not take a record, after all retries.

    `subtype` is what the metrics call its topic, `code` librdkafka's name of the error; `key` and
    `value` are the record's bytes.
    """

    _ADVICE: ClassVar[dict[str, str]] = {
        "MSG_SIZE_TOO_LARGE": "raise the topic's max.message.bytes and message.max.bytes of "
        "kafka.properties, or set batch.size there below the topic's limit, which batches meet too",
        "TOPIC_AUTHORIZATION_FAILED": "allow the worker's user to WRITE to it",
        "INVALID_RECORD": "see what its cleanup.policy and message.timestamp.* ask of a record",
        "_MSG_TIMED_OUT": "see why Kafka takes nothing, or raise message.timeout.ms of "
        "kafka.properties",
        "_UNKNOWN_TOPIC": "it is gone; a new start of the worker makes it again",
    }

    def __init__(
        self,
        topic: str,
        reason: str,
        *,
        code: str = "",
        subtype: str = "",
        key: bytes | None = None,
        value: bytes = b"",
    ) -> None:
        super().__init__(
            f"Kafka did not take a record for topic {topic}: {reason}; "
            + self._ADVICE.get(code, "kafka.on_delivery_failure says whether the worker goes on")
        )
        self.topic = topic
        self.reason = reason
        self.code = code
        self.subtype = subtype
        self.key = key
        self.value = value


class ProducerFailed(KafkaError):
    """librdkafka's producer gave itself up, again and again. `records` were not acknowledged."""

    def __init__(self, cause: str, records: int) -> None:
        super().__init__(
            f"Kafka's producer was made anew too often within a minute, at last because of: {cause}"
            f"; {records} records may be missing; look at the brokers' logs and the user's ACLs"
        )
        self.cause = cause
        self.records = records


class DrainFailed(KafkaError):
    """The worker stops, and Kafka has not taken all that it holds."""

    def __init__(self, records: int, waited_s: float) -> None:
        super().__init__(
            f"Kafka did not acknowledge {records} records within {waited_s:g} s of draining; "
            "they may be missing"
        )
        self.records = records


class EmbeddedKafkaError(KafkaError):
    """The embedded Kafka cannot do what was asked; the message says why and what to do."""


class RegistryError(OpendKafkaError):
    """The schema registry refuses or does not answer."""


class RegistryUnreachable(RegistryError):
    """The registry does not answer as one."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"no schema registry answers at {url} ({cause}); start it, correct "
            "schema_registry.url, or set it to null for Avro single-object encoding"
        )
        self.url = url


class SchemaRefused(RegistryError):
    """The registry does not take a schema under its subject."""

    def __init__(self, subject: str, cause: str) -> None:
        super().__init__(
            f"the schema registry refuses the schema for subject {subject}: {cause}; "
            "see what stands there, and keep its versions compatible"
        )
        self.subject = subject


class RegistryDenied(RegistryError):
    """The registry lets this user not in, or not do that."""

    def __init__(self, url: str, status: int, cause: str) -> None:
        super().__init__(
            f"the schema registry at {url} refuses the user (HTTP {status}: {cause}); correct "
            "basic.auth.user.info or bearer.auth.* of schema_registry.properties, or grant the "
            "user what it lacks"
        )
        self.url = url
        self.status = status


class SchemasMissing(RegistryError):
    """Schemas are not registered, and the worker may not register them."""

    def __init__(self, subjects: list[str]) -> None:
        super().__init__(
            f"not registered, and schema_registry.auto_register is false: {', '.join(subjects)}; "
            "register them: opend-kafka schemas register -c FILE"
        )
        self.subjects = subjects


class RecordingFailed(OpendKafkaError):
    """A recording cannot be written on, or not all of it could be read."""

    def __init__(self, path: object, cause: str) -> None:
        super().__init__(f"{path}: {cause}")
        self.path = path


class BlockMalformed(OpendKafkaError):
    """A block of a recording is not what was written. It is left out, and told."""


class PacketUndecipherable(OpendKafkaError):
    """A body that the cipher cannot have made. Its frame counts as damaged."""


class RecordUndecodable(OpendKafkaError):
    """Bytes from a topic that are no record in either of our two wire formats."""


#: Topics that one line names; the rest is counted.
_NAMED = 3


def reasons(failures: Mapping[str, str]) -> list[str]:
    """Give topics with their reasons, the same words about many of them once."""
    alike: dict[str, list[str]] = {}
    for topic, reason in sorted(failures.items()):
        alike.setdefault(reason.replace(topic, "{topic}"), []).append(topic)
    return [
        ", ".join(names[:_NAMED])
        + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        + f": {reason.replace('{topic}', names[0])}"
        for reason, names in alike.items()
    ]


def system_words(error: OSError) -> str:
    """Give the system's short text, `Connection refused`, without Python's words around it."""
    if error.errno is None:  # asyncio joins the errors of several addresses into one text
        numbers = dict.fromkeys(int(one) for one in re.findall(r"\[Errno (\d+)\]", str(error)))
        if numbers:
            return ", ".join(map(os.strerror, numbers))
    # The resolver's own errors (socket.gaierror) have numbers of another kind.
    if type(error).__module__ == "socket" or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
