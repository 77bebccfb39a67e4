"""`opend-kafka simulate`: an OpenD stand-in that anyone can connect to."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from opend_kafka.opend.frames import Frame, FrameReader, encode
from opend_kafka.opend.messages import ProtoId, decode_push
from opend_kafka.opend.pb import InitConnect_pb2, Qot_Sub_pb2
from tests.cli.commands import PATIENCE_S, run, running

#: With these the market is the same again.
MARKET = ("--port", "0", "--securities", "HK.00700", "--rate", "50", "--start", "2024-01-02")


def first_ticks(port: int, number: int) -> dict[int, Any]:
    """Log in, subscribe HK.00700, and give the first ticks by sequence."""
    login = InitConnect_pb2.C2S(clientVer=1, clientID="test", packetEncAlgo=-1)
    wanted = Qot_Sub_pb2.Request()
    wanted.c2s.securityList.add(market=1, code="00700")
    wanted.c2s.subTypeList.append(4)
    wanted.c2s.isSubOrUnSub = wanted.c2s.isRegOrUnRegPush = True
    ticks: dict[int, Any] = {}
    reader = FrameReader()
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        for serial, (proto_id, request) in enumerate(
            [
                (ProtoId.INIT_CONNECT, InitConnect_pb2.Request(c2s=login)),
                (ProtoId.QOT_SUB, wanted),
            ]
        ):
            connection.sendall(encode(Frame(proto_id, serial, request.SerializeToString())))
        while len(ticks) < number:
            data = connection.recv(65536)
            assert data, "the simulator hung up"
            for frame in reader.receive(data):
                if frame.proto_id == ProtoId.QOT_UPDATE_TICKER:
                    pushed = decode_push(frame.proto_id, frame.body).tickerList
                    ticks |= {tick.sequence: (tick.time, tick.price) for tick in pushed}
    return dict(sorted(ticks.items())[:number])


def _market(*arguments: str) -> dict[int, Any]:
    with running("simulate", *MARKET, *arguments) as simulator:
        return first_ticks(simulator.event("simulator_listening")["port"], 5)


def test_simulate_is_the_same_with_the_same_seed() -> None:
    """Seed and start decide sequences, times and prices."""
    assert _market("--seed", "7") == _market("--seed", "7")


def test_simulate_is_another_with_another_seed() -> None:
    """Another seed is another market."""
    assert _market("--seed", "7") != _market("--seed", "8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_simulate_ends_with_a_signal(number: signal.Signals) -> None:
    """At a signal it hangs up and ends with 0."""
    with running("simulate", *MARKET) as simulator:
        port = simulator.event("simulator_listening")["port"]
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            simulator.signal(number)
            assert connection.recv(1) == b""
        assert simulator.end() == 0


def test_simulate_says_that_its_port_is_taken(http_port: int) -> None:
    """A port that another has ends it with 2, the port, and what to choose."""
    ended = run("simulate", "--port", str(http_port))
    assert (ended.returncode, ended.stderr) == (
        2,
        f"opend-kafka: cannot listen on 127.0.0.1:{http_port} (Address already in use); "
        "choose another --port, or 0 for any free one\n",
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--securities", "HK"),
        ("--securities", "XX.1"),
        ("--securities", ""),
        ("--rate", "0"),
        ("--port", "65536"),
        ("--start", "yesterday"),
    ],
)
def test_simulate_refuses_what_makes_no_market(option: str, value: str) -> None:
    """An option that cannot be is bad usage, and named."""
    ended = run("simulate", option, value)
    assert (ended.returncode, option in ended.stderr) == (2, True)


def test_simulate_refuses_a_rate_out_of_reach() -> None:
    """A rate beyond the market's own limit is bad usage too."""
    ended = run("simulate", "--port", "0", "--rate", "2000000")
    assert (ended.returncode, "at most 1000000" in ended.stderr) == (2, True)


def test_simulate_plays_a_scenario(tmp_path: Path) -> None:
    """A fault of the scenario is logged when it comes, and the client feels it."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("steps:\n- {every: 0.2, kind: reset}\n")
    with running("simulate", *MARKET, "--scenario", str(scenario)) as simulator:
        port = simulator.event("simulator_listening")["port"]
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            assert simulator.event("fault_injected")["kind"] == "reset"
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


def test_simulate_refuses_a_scenario_that_is_wrong(tmp_path: Path) -> None:
    """A scenario with a fault of its own ends it with 2, the file, the line and the key."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("steps:\n- {at: 1, kind: rest}\n")
    ended = run("simulate", "--port", "0", "--scenario", str(scenario))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"opend-kafka: {scenario}:2: steps[0].kind: 'rest' is no kind")


def test_websocket_port_is_served_beside() -> None:
    """With --websocket-port the relay listens as well, on a port that the log names."""
    with running("simulate", "--port", "0", "--websocket-port", "0") as simulator:
        opend = simulator.event("simulator_listening")["port"]
        relay = simulator.event("relay_listening")["port"]
        assert relay not in (0, opend)
        simulator.signal(signal.SIGTERM)
        assert simulator.end() == 0
