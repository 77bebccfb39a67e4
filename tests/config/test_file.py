"""The file: what loads, what is refused, how the refusal reads, and what is shown."""

from __future__ import annotations

import datetime
import string
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opend_kafka.config import Config, effective, load, parse
from opend_kafka.errors import ConfigurationError
from tests.config.samples import EXAMPLE, WANTED, refusal


def test_load_reads_a_file(tmp_path: Path) -> None:
    """`load` reads what `parse` reads, from a file."""
    path = tmp_path / "config.yaml"
    path.write_text(EXAMPLE)
    assert load(path) == parse(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            WANTED + "kafka:\n  bootstrap_server: x\n",
            "config.yaml:3: kafka.bootstrap_server: unknown key",
            id="unknown key",
        ),
        pytest.param(WANTED + "kafak: {}\n", "config.yaml:2: kafak: unknown key", id="part"),
        pytest.param(
            WANTED + "opend:\n  host: h\n  port: eleven\n",
            "config.yaml:4: opend.port: Input should be a valid integer",
            id="wrong type",
        ),
        pytest.param(
            WANTED + "opend: {port: 65536}\n",
            "config.yaml:2: opend.port: Input should be less than or equal to 65535",
            id="out of range",
        ),
        pytest.param(
            WANTED + "kafka: {bootstrap_servers: [a, b]}\n",
            "config.yaml:2: kafka.bootstrap_servers: Input should be a valid string",
            id="list for text",
        ),
        pytest.param(
            "subscriptions:\n  - securities:\n      - HK.00700\n      - XX.1\n"
            "    subtypes: [ticker]\n",
            "config.yaml:4: subscriptions[0].securities[1]: 'XX.1' is no security: "
            "write MARKET.CODE, such as HK.00700",
            id="unknown market",
        ),
        pytest.param(
            "subscriptions: [{securities: [700], subtypes: [ticker]}]\n",
            "config.yaml:1: subscriptions[0].securities[0]: 700 is no security: "
            "write MARKET.CODE, such as HK.00700",
            id="number for security",
        ),
        pytest.param(
            "subscriptions:\n- securities: [HK.00700]\n  subtypes: [tick]\n",
            "config.yaml:3: subscriptions[0].subtypes[0]: 'tick' is no subtype; "
            "there are quote, order-book,",
            id="unknown subtype",
        ),
        pytest.param(
            "subscriptions:\n- {securities: [HK.00700], subtypes: [ticker], session: night}\n",
            "config.yaml:2: subscriptions[0].session: 'night' is no session; "
            "there are rth, eth, all",
            id="unknown session",
        ),
        pytest.param(
            WANTED + "kafka: {record_timestamp: exchange}\n",
            "config.yaml:2: kafka.record_timestamp: Input should be 'ingest' or 'event'",
            id="unknown record timestamp",
        ),
        pytest.param(
            WANTED + "opend: {encryption: aes_cbc}\n",
            "config.yaml:2: opend: encryption aes_cbc needs rsa_private_key_file",
            id="encryption without its key",
        ),
        pytest.param(
            WANTED + "scale: {group: g}\n",
            "config.yaml:2: scale: this key is not in this version yet; remove it",
            id="later part",
        ),
        pytest.param(
            WANTED + "repair: {max_ticks: 1001}\n",
            "config.yaml:2: repair.max_ticks: Input should be less than or equal to 1000",
            id="more ticks than OpenD gives",
        ),
        pytest.param(
            WANTED + "repair: {max_ticks: 0}\n",
            "config.yaml:2: repair.max_ticks: Input should be greater than or equal to 1",
            id="no ticks to repair",
        ),
        pytest.param(
            WANTED + "repair: {watermark_interval_s: 0}\n",
            "config.yaml:2: repair.watermark_interval_s: Input should be greater than 0",
            id="no time between watermarks",
        ),
        pytest.param(
            "opend: {port: 1}\n",
            "config.yaml:1: subscriptions: this key is required",
            id="no subscriptions",
        ),
        pytest.param("", "config.yaml:1: subscriptions: this key is required", id="empty file"),
        pytest.param(
            "subscriptions: []\n",
            "config.yaml:1: subscriptions: List should have at least 1 item",
            id="empty subscriptions",
        ),
        pytest.param(
            "subscriptions:\n"
            "- {securities: [US.AAPL], subtypes: [ticker], session: rth}\n"
            "- {securities: [US.AAPL], subtypes: [ticker], session: all}\n",
            "config.yaml:1: subscriptions: ticker of US.AAPL is wanted twice, with different "
            "session, first_push or order_book_detail; keep one",
            id="wanted twice",
        ),
        pytest.param(
            WANTED + "opend: {port: 1\n", "config.yaml: no valid YAML: line 3: ", id="YAML syntax"
        ),
        pytest.param(
            WANTED + "opend:\n  port: 1\n  port: 2\n",
            "config.yaml:4: opend.port: stands here a second time (first in line 3); keep one",
            id="duplicate key",
        ),
        pytest.param(
            "- opend\n", "config.yaml: the file is no mapping of keys to values", id="list"
        ),
        pytest.param("opend\n", "config.yaml: the file is no mapping of keys to values", id="text"),
    ],
)
def test_refusal_names_file_line_and_key(text: str, expected: str) -> None:
    """What cannot be used is refused with its file, its line, its key and what to do."""
    assert refusal(text).startswith(expected)


def test_refusal_names_every_fault() -> None:
    """Two faults give two lines, so that one look at the file mends both."""
    text = WANTED + "opend: {port: 65536}\nkafka:\n  topic_prefix: a b\n"
    assert [line.split(": ")[:2] for line in refusal(text).splitlines()] == [
        ["config.yaml:2", "opend.port"],
        ["config.yaml:4", "kafka.topic_prefix"],
    ]


@pytest.mark.parametrize("value", ["null", "{password: x}", "[x]"])
def test_refusal_of_a_property_is_one_line(value: str) -> None:
    """A property that is no text, number or boolean is one fault, not one for each type."""
    text = WANTED + f"kafka:\n  properties:\n    sasl.password: {value}\n"
    (line,) = refusal(text).splitlines()
    assert line.startswith("config.yaml:4: kafka.properties.sasl.password: ")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: &a [*a]\n", id="list within itself"),
        pytest.param("? [a]\n: b\n", id="list as key"),
        pytest.param(WANTED + "kafka: {topic_prefix: 2024-13-45}\n", id="impossible date"),
        pytest.param(WANTED + "opend: {port: 0x_}\n", id="hexadecimal without digits"),
        pytest.param(WANTED + "opend: {port: !!int abc}\n", id="tag that does not fit"),
        pytest.param(WANTED + "a: " + "[" * 2000 + "]" * 2000, id="deep"),
        pytest.param(WANTED + "_env_file: x\n", id="pydantic-settings' argument"),
        pytest.param(WANTED + "_cli_parse_args: true\n", id="pydantic-settings' other argument"),
    ],
)
def test_parse_refuses_odd_yaml(text: str) -> None:
    """YAML that only a program would write is refused as any other, without a traceback."""
    assert refusal(text).startswith("config.yaml:")


def test_load_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named, with the reason."""
    path = tmp_path / "absent.yaml"
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    assert str(refused.value) == f"{path} cannot be read: No such file or directory"


def test_load_refuses_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is refused as such."""
    path = tmp_path / "latin1.yaml"
    path.write_bytes("opend: {host: künstlich}".encode("latin-1"))
    with pytest.raises(ConfigurationError) as refused:
        load(path)
    assert str(refused.value) == f"{path} cannot be read: it is not UTF-8"


#: In capitals: Hypothesis also tries words of the code, such as `subscriptions`.
_SECRETS = st.text(string.ascii_uppercase + string.digits, min_size=12, max_size=40)


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("kafka", "sasl.password"),
        ("kafka", "ssl.key.password"),
        ("kafka", "ssl.key.pem"),
        ("kafka", "ssl.keystore.password"),
        ("kafka", "sasl.oauthbearer.client.secret"),
        ("kafka", "sasl.oauthbearer.config"),
        ("schema_registry", "basic.auth.user.info"),
        ("schema_registry", "bearer.auth.token"),
    ],
)
@given(secret=_SECRETS)
@settings(max_examples=20)
def test_effective_masks_secrets(part: str, key: str, secret: str) -> None:
    """No secret property is ever shown, whatever its value."""
    config = Config.model_validate(
        yaml.safe_load(WANTED) | {part: {"properties": {key: secret, "linger.ms": 5}}}
    )
    assert secret not in effective(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sasl.password_file", "/run/secrets/kafka"),
        ("sasl.oauthbearer.token.endpoint.url", "https://login.example/token"),
    ],
)
def test_effective_shows_where_a_secret_comes_from(key: str, value: str) -> None:
    """A path or an address is no secret, and is what somebody looks for."""
    config = Config.model_validate(yaml.safe_load(WANTED) | {"kafka": {"properties": {key: value}}})
    assert f"{key}: {value}" in effective(config)


@given(secret=_SECRETS)
@settings(max_examples=20)
def test_effective_masks_the_password_in_a_url(secret: str) -> None:
    """A registry's URL is shown without the password in it."""
    url = f"http://reader:{secret}@registry:8081"
    config = Config.model_validate(yaml.safe_load(WANTED) | {"schema_registry": {"url": url}})
    assert secret not in effective(config)


@pytest.mark.parametrize(
    "text",
    [
        WANTED,
        EXAMPLE,
        "subscriptions: [{securities: [US.AAPL, US..DJI], subtypes: [ticker], session: eth}]\n"
        "kafka: {properties: {linger.ms: 5, enable.idempotence: true, client.rack: '1'}}\n"
        "schema_registry: {url: null}\n",
    ],
)
def test_effective_loads_again(text: str) -> None:
    """What `--print-config` shows is a configuration, and the same one."""
    config = parse(text)
    assert parse(effective(config)) == config


_KEYS = st.sampled_from(
    [
        "opend", "subscriptions", "kafka", "schema_registry", "admin", "log", "host", "port",
        "reconnect", "initial_s", "securities", "subtypes", "session", "first_push", "properties",
        "topics", "config", "topic_prefix", "url", "level", "transport", "repair", "self", "<<",
    ]
)  # fmt: skip
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.just(datetime.UTC))
    | st.binary(max_size=8)
    | st.sampled_from(["HK.00700", "ticker", "rth", "tcp", "exit"])
)
_DATA = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_KEYS | st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(parts=st.dictionaries(_KEYS, _DATA, max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_parse_loads_or_refuses_any_data(parts: dict[str, Any]) -> None:
    """Whatever data a YAML file holds, it is a configuration or a ConfigurationError."""
    with suppress(ConfigurationError):
        config = parse(yaml.safe_dump(yaml.safe_load(WANTED) | parts, allow_unicode=True))
        assert config.wanted()


@given(text=st.text())
def test_parse_loads_or_refuses_any_text(text: str) -> None:
    """Whatever text a file holds, it is a configuration or a ConfigurationError."""
    with pytest.raises(ConfigurationError):
        parse(text)
