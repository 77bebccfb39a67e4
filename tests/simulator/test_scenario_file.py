"""Scenarios from YAML."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from opend_kafka.errors import ConfigurationError
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Duplicate, Quota, Reset, Stall
from opend_kafka.simulator.scenario import At, AtRandom, Every, Mix, Scenario, Step
from opend_kafka.simulator.scenario_file import load, parse

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/scenarios.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
EXAMPLES = sorted(ROOT.glob("examples/scenarios/*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_loads(path: Path) -> None:
    """Each file in examples/scenarios is a scenario."""
    assert load(path).schedule([Security("HK", "00700")])


@pytest.mark.parametrize("block", BLOCKS)
def test_block_of_the_document_loads(block: str) -> None:
    """Each YAML block of docs/scenarios.md is a scenario."""
    assert parse(block).steps


def test_document_shows_every_kind_with_its_defaults() -> None:
    """docs/scenarios.md has an example of each kind, with all that the kind takes."""
    shown = {step.fault.kind: step.fault for block in BLOCKS[1:] for step in parse(block).steps}
    assert set(shown) == set(KINDS)
    for kind, fault in shown.items():
        names = {field.name for field in fields(fault)}
        left_out = dict.fromkeys(names & {"security", "market"})
        (line,) = re.findall(rf"kind: {kind}(,.*)?\}}$", DOCUMENT, re.MULTILINE)
        assert replace(fault, **left_out) == KINDS[kind]()
        assert names - left_out.keys() <= set(re.findall(r"(\w+): ", line))


def test_scenario_is_read_as_written() -> None:
    """Times, kinds, parameters and the mix come through."""
    text = """
        seed: 7
        steps:
          - {at: 2, kind: reset, clients: oldest}
          - {every: 10, times: 3, kind: duplicate, count: 5}
          - {every: 0.5, kind: quota}
          - {random: {count: 4, between: [0, 60]}, kind: stall, security: US..DJI}
        mix: {count: 9, over_s: 60, kinds: [reset, cut], lasting_s: [1, 2]}
    """
    assert parse(text) == Scenario(
        7,
        (
            Step(At(2), Reset(clients="oldest")),
            Step(Every(10, 3), Duplicate(count=5)),
            Step(Every(0.5), Quota()),
            Step(AtRandom(4, (0, 60)), Stall(security=Security("US", ".DJI"))),
        ),
        Mix(9, 60, ("reset", "cut"), (1, 2)),
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("steps:\n- at: 1\n  kind: rest\n", "s.yaml:3: steps[0].kind: 'rest' is no kind of fault"),
        ("steps:\n- at: 1\n", "s.yaml:2: steps[0].kind: a step needs a kind; there are split"),
        (
            "steps:\n- kind: reset\n",
            "s.yaml:2: steps[0]: a step needs one of at, every and random, and only one",
        ),
        (
            "steps:\n- at: 1\n  every: 2\n  kind: reset\n",
            "s.yaml:2: steps[0]: a step needs one of at, every and random, and only one",
        ),
        ("steps:\n- at: 1\n  times: 2\n  kind: cut\n", "s.yaml:2: steps[0]: times goes with every"),
        (
            "steps:\n- at: 1\n  kind: cut\n  duration_s: 2\n",
            "s.yaml:4: steps[0].duration_s: unknown key; remove it",
        ),
        (
            "steps:\n- at: 1\n  kind: stall\n  duration_s: 0\n",
            "s.yaml:4: steps[0].duration_s: Input should be greater than 0",
        ),
        (
            "steps:\n- at: -1\n  kind: cut\n",
            "s.yaml:2: steps[0].at: Input should be greater than or equal to 0",
        ),
        (
            "steps:\n- at: 1\n  kind: stall\n  security: Tencent\n",
            "s.yaml:4: steps[0].security: 'Tencent' is no security: write MARKET.CODE",
        ),
        (
            "steps:\n- at: 1\n  kind: stall\n  security: HK.1\n",
            "s.yaml:4: steps[0].security: HK.1 is not traded here; add it to --securities",
        ),
        (
            "steps:\n- at: 1\n  kind: market_closed\n  market: LSE\n",
            "s.yaml:4: steps[0].market: 'LSE' is no market; there are AU",
        ),
        (
            "steps:\n- at: 1\n  kind: reset\n  clients: 3\n",
            "s.yaml:4: steps[0].clients: Input should be 'all', 'oldest' or 'newest'",
        ),
        (
            "steps:\n- at: 1\n  kind: bad_body\n  count: yes\n",
            "s.yaml:4: steps[0].count: Input should be a valid integer",
        ),
        (
            "steps:\n- random: {count: 1, between: [2, 1]}\n  kind: cut\n",
            "s.yaml:2: steps[0].random.between: 2 is above 1; write the lower number first",
        ),
        (
            "steps:\n- random: {count: 1}\n  kind: cut\n",
            "s.yaml:2: steps[0].random.between: this key is required",
        ),
        ("steps:\n- reset\n", "s.yaml:2: steps[0]: write a mapping of keys to values"),
        ("seed: 1\nsede: 2\n", "s.yaml:2: sede: unknown key; remove it"),
        ("seed: 1\nseed: 2\nmix: {count: 1, over_s: 1}", "s.yaml:2: seed: stands here a second"),
        ("seed: -1\n", "s.yaml:1: seed: Input should be greater than or equal to 0"),
        ("mix:\n  count: 2\n", "s.yaml:1: mix.over_s: this key is required"),
        (
            "mix:\n  count: 2\n  over_s: 1\n  kinds: [cut, rest]\n",
            "s.yaml:4: mix.kinds[1]: 'rest' is no kind of fault",
        ),
        ("mix:\n  count: 2\n  over_s: 1\n  kinds: some\n", "s.yaml:4: mix.kinds: write all, or a"),
        ("", "s.yaml:1: a scenario needs steps, or a mix"),
        ("- 1", "s.yaml:1: write a mapping of keys to values"),
        ("steps: [", "s.yaml:1: no valid YAML: "),
        ("a: 2024-13-45", "s.yaml:1: no valid YAML: "),
        ("[" * 5_000, "s.yaml:1: no valid YAML: it is nested without end"),
    ],
)
def test_scenario_file_names_what_is_wrong(text: str, wrong: str) -> None:
    """Each error begins with the file and the line, names the key, and says what to do."""
    with pytest.raises(ConfigurationError) as refused:
        parse(text, origin="s.yaml", securities=[Security("HK", "00700")])
    assert str(refused.value).startswith(wrong)
    assert "\n" not in str(refused.value)


def test_scenario_file_names_every_fault() -> None:
    """What is wrong in several places is told at once, one line each."""
    text = "steps:\n- at: 1\n  kind: rest\n- at: x\n  kind: cut\n"
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    assert [line[:11] for line in str(refused.value).splitlines()] == ["scenario:3:", "scenario:4:"]


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_scenario_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, or is no text, is named."""
    path = tmp_path / "scenario.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"scenario\.yaml cannot be read"):
        load(path)
