"""Securities and markets, named as the official SDK names them: `HK.00700`, `US.AAPL`."""

from __future__ import annotations

from dataclasses import dataclass

#: QotMarket number → the SDK's `Market` constant (Qot_Common.proto; futu-api 10.11 `Market`).
MARKETS: dict[int, str] = {
    1: "HK",
    2: "HK_FUTURE",
    11: "US",
    21: "SH",
    22: "SZ",
    31: "SG",
    41: "JP",
    51: "AU",
    61: "MY",
    71: "CA",
    81: "FX",
    91: "CC",
    101: "EC",
}
_NUMBERS = {name: number for number, name in MARKETS.items()}


def market_name(number: int) -> str:
    """Give the market's name; a number newer than the table is that number as a string."""
    return MARKETS.get(number) or str(number)


@dataclass(frozen=True, slots=True, order=True)
class Security:
    """One instrument. `str()` gives the SDK's form, `HK.00700`."""

    market: str
    code: str

    @classmethod
    def parse(cls, text: str) -> Security:
        """Read the SDK's form; the code may hold dots (`US..DJI`).

        Raises:
            ValueError: there is no market before the first dot, or nothing after it.
        """
        market, dot, code = text.partition(".")
        if not dot or not code or market not in _NUMBERS:
            known = ", ".join(sorted(_NUMBERS))
            raise ValueError(
                f"{text!r} is no security: write MARKET.CODE, such as HK.00700 (markets: {known})"
            )
        return cls(market, code)

    @property
    def market_number(self) -> int:
        """OpenD's QotMarket number."""
        return _NUMBERS[self.market]

    def __str__(self) -> str:
        return f"{self.market}.{self.code}"
