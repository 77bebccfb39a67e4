"""Pushes that are wrong on purpose, under every cipher and in both formats."""

from collections.abc import Callable

import pytest

from opend_kafka.errors import MessageMalformed, PushFailed
from opend_kafka.opend.ciphers import AesCbc, FtAesEcb, PacketCipher
from opend_kafka.opend.frames import PLAIN, BodyFormat, Frame, FrameReader
from opend_kafka.opend.messages import decode_push
from opend_kafka.opend.securities import Security
from opend_kafka.simulator.damage import failed, garbled, misdigested
from opend_kafka.simulator.market import Market
from opend_kafka.simulator.pushes import Push, ticker_push

KEY, IV = b"0123456789ABCDEF", b"FEDCBA9876543210"

pytestmark = [
    pytest.mark.parametrize("body_format", BodyFormat),
    pytest.mark.parametrize(
        "cipher", [PLAIN, FtAesEcb(KEY), AesCbc(KEY, IV)], ids=["plain", "ftaes", "cbc"]
    ),
]


def sent(
    damage: Callable[[Push], Push], cipher: PacketCipher, body_format: BodyFormat
) -> tuple[Push, Frame]:
    """Damage a push; give it, and its frame as a client reads it."""
    market = Market([Security("HK", "00700")], seed=1, rate=100, start_us=10**15)
    stock = market.stock(market.securities[0])
    push = damage(ticker_push((1,), stock, stock.latest(1)))
    (frame,) = FrameReader(lambda _: cipher).receive(push.numbered(7, cipher, body_format))
    assert (frame.serial, len(push.ticks)) == (7, 1)
    return push, frame


def test_misdigested_push_is_whole(cipher: PacketCipher, body_format: BodyFormat) -> None:
    """Only its digest is wrong: the message would be good."""
    push, frame = sent(misdigested, cipher, body_format)
    assert (push.damage, frame.intact) == ("bad_sha1", False)
    assert decode_push(frame.proto_id, frame.body, frame.format).tickerList


def test_garbled_push_is_no_message(cipher: PacketCipher, body_format: BodyFormat) -> None:
    """Its digest is right, and its body is nothing."""
    push, frame = sent(garbled, cipher, body_format)
    assert (push.damage, frame.intact) == ("bad_body", True)
    with pytest.raises(MessageMalformed):
        decode_push(frame.proto_id, frame.body, frame.format)


def test_failed_push_says_so(cipher: PacketCipher, body_format: BodyFormat) -> None:
    """It is a good message whose retType is not 0."""
    push, frame = sent(failed, cipher, body_format)
    assert (push.damage, frame.intact) == ("push_error", True)
    with pytest.raises(PushFailed):
        decode_push(frame.proto_id, frame.body, frame.format)
