"""Scenarios from YAML, checked strictly: an error names the file, the line, the key and the fix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from opend_kafka.errors import ConfigurationError, system_words
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.faults import KINDS, Count, Fault, Seconds
from opend_kafka.simulator.scenario import At, AtRandom, Every, Mix, Scenario, Step, When
from opend_kafka.yaml_places import KeyPath, dotted, line_of, places

_At = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, strict=True)]
_Whole = Annotated[int, Field(ge=0, strict=True)]


def _pair(value: Any) -> Any:
    """Take YAML's list for a pair."""
    return tuple(value) if isinstance(value, list) else value


def _rising(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"{value[0]:g} is above {value[1]:g}; write the lower number first")
    return value


_Between = Annotated[tuple[_At, _At], AfterValidator(_rising), BeforeValidator(_pair)]
_Lasting = Annotated[tuple[Seconds, Seconds], AfterValidator(_rising), BeforeValidator(_pair)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Random(_Part):
    count: Count
    between: _Between


class _When(_Part):
    at: _At | None = None
    every: Seconds | None = None
    times: Count | None = None
    random: _Random | None = None

    @model_validator(mode="after")
    def _once(self) -> _When:
        given = [one for one in (self.at, self.every, self.random) if one is not None]
        if len(given) != 1:
            raise ValueError("a step needs one of at, every and random, and only one")
        if self.times is not None and self.every is None:
            raise ValueError("times goes with every")
        return self

    def when(self) -> When:
        if self.at is not None:
            return At(self.at)
        if self.every is not None:
            return Every(self.every, self.times)
        assert self.random is not None  # noqa: S101 - for the type checker: see _once
        return AtRandom(self.random.count, self.random.between)


def _kind(value: Any) -> str:
    if not isinstance(value, str) or value not in KINDS:
        raise ValueError(f"{value!r} is no kind of fault; there are {', '.join(KINDS)}")
    return value


_Kind = Annotated[str, BeforeValidator(_kind)]


def _kinds(value: Any) -> Any:
    """Read `all`, or a list."""
    if not isinstance(value, list) and value != "all":
        raise ValueError("write all, or a list of kinds")
    return list(KINDS) if value == "all" else value


class _Mix(_Part):
    count: Count
    over_s: Seconds
    kinds: Annotated[list[_Kind], BeforeValidator(_kinds), Field(min_length=1)] = list(KINDS)
    lasting_s: _Lasting = (0.1, 1.0)

    def mix(self) -> Mix:
        return Mix(self.count, self.over_s, tuple(self.kinds), self.lasting_s)


class _File(_Part):
    seed: _Whole = 1
    steps: list[dict[str, Any]] = []
    mix: _Mix | None = None

    @model_validator(mode="after")
    def _something(self) -> _File:
        if not self.steps and self.mix is None:
            raise ValueError("a scenario needs steps, or a mix")
        return self


_WHEN_KEYS = frozenset(_When.model_fields)
_FAULTS = {kind: TypeAdapter(fault) for kind, fault in KINDS.items()}


def load(path: Path, securities: Sequence[Security] | None = None) -> Scenario:
    """Read a scenario.

    Args:
        path: the file.
        securities: what is traded, where it is known: a fault may be of nothing else.

    Raises:
        ConfigurationError: what is wrong, one line a fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cause = system_words(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {cause}") from None
    return parse(text, origin=str(path), securities=securities)


def parse(
    text: str, *, origin: str = "scenario", securities: Sequence[Security] | None = None
) -> Scenario:
    """As `load`, from the file's text. `origin` names it in errors."""
    reading = _Reading(origin, securities)
    file = reading.checked(TypeAdapter(_File), reading.content(text), ())
    steps = [reading.step(index, dict(step)) for index, step in enumerate(file.steps)]
    reading.finish()
    return Scenario(
        file.seed,
        tuple(step for step in steps if step is not None),
        file.mix.mix() if file.mix else None,
    )


class _Reading:
    """One file on its way to a scenario, and what was found wrong with it."""

    def __init__(self, origin: str, securities: Sequence[Security] | None) -> None:
        self._origin = origin
        self._securities = securities
        self._lines: dict[KeyPath, int] = {}
        self._wrong: list[str] = []

    def content(self, text: str) -> Any:
        try:
            for path, line in places(yaml.compose(text, Loader=yaml.SafeLoader)):
                if path in self._lines:
                    first = f"first in line {self._lines[path]}"
                    self._refuse(
                        line, f"{dotted(path)}: stands here a second time ({first}); keep one"
                    )
                self._lines[path] = line
            content = yaml.safe_load(text)
            return {} if content is None else content
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            self._refuse(line, f"no valid YAML: {getattr(error, 'problem', None) or error}")
        except RecursionError:
            self._refuse(1, "no valid YAML: it is nested without end")
        except ValueError as error:  # PyYAML's own constructors: 2024-13-45 is a date to it
            self._refuse(1, f"no valid YAML: {error}")

    def checked(self, model: TypeAdapter[Any], value: Any, path: KeyPath) -> Any:
        """Read a value; end here where it is wrong and `path` is the root."""
        try:
            return model.validate_python(value)
        except ValidationError as error:
            for fault in error.errors():
                self._note((*path, *fault["loc"]), _words(fault))
        if not path:
            self.finish()
        return None

    def step(self, index: int, step: dict[str, Any]) -> Step | None:
        path: KeyPath = ("steps", index)
        timing = {key: step.pop(key) for key in _WHEN_KEYS & step.keys()}
        when = self.checked(TypeAdapter(_When), timing, path)
        kind = step.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            words = "a step needs a kind" if kind is None else f"{kind!r} is no kind of fault"
            self._note((*path, "kind"), f"{words}; there are {', '.join(KINDS)}")
            return None
        fault = self.checked(_FAULTS[kind], step, path)
        if fault is None or when is None:
            return None
        self._check_traded(fault, path)
        return Step(when.when(), fault)

    def finish(self) -> None:
        """Raise what was found."""
        if self._wrong:
            raise ConfigurationError("\n".join(self._wrong))

    def _check_traded(self, fault: Fault, path: KeyPath) -> None:
        security = getattr(fault, "security", None)
        if security and self._securities is not None and security not in self._securities:
            words = f"{security} is not traded here; add it to --securities, or choose another"
            self._note((*path, "security"), words)

    def _note(self, path: KeyPath, words: str) -> None:
        line = line_of(path, self._lines)
        key = dotted(path)
        self._wrong.append(f"{self._origin}:{line}: {key + ': ' if key else ''}{words}")

    def _refuse(self, line: int, words: str) -> NoReturn:
        raise ConfigurationError(f"{self._origin}:{line}: {words}")


def _words(fault: Any) -> str:
    """Say what is wrong, and what to do."""
    if fault["type"] == "extra_forbidden" or fault["type"] == "unexpected_keyword_argument":
        return "unknown key; remove it"
    if fault["type"] == "missing":
        return "this key is required"
    if fault["type"] in ("model_type", "dict_type", "dataclass_type"):
        return "write a mapping of keys to values"
    return str(fault["msg"]).removeprefix("Value error, ")
