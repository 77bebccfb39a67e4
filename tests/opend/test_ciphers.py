"""Ciphers: against the official SDK's own bytes, and against each other."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from opend_kafka.errors import KeyMismatch, KeyUnusable, PacketUndecipherable
from opend_kafka.opend.ciphers import (
    AesCbc,
    AesEcb,
    Encryption,
    FtAesEcb,
    PacketCipher,
    Plain,
    Rsa,
    load_rsa_key,
    packet_cipher,
    read_rsa,
)
from opend_kafka.opend.frames import FrameReader, encode

KEY, IV = b"0123456789ABCDEF", b"FEDCBA9876543210"
AES: dict[str, PacketCipher] = {
    "frame_ftaes_ecb": FtAesEcb(KEY),
    "frame_aes_cbc": AesCbc(KEY, IV),
}
ALL = [*AES.values(), AesEcb(KEY), Plain()]
DATA = Path(__file__).parents[1] / "data"


def _vectors() -> list[tuple[str, bytes, bytes]]:
    """Give (algorithm, plain frame, encrypted frame) of each encrypted vector."""
    rows: list[dict[str, Any]] = []
    for file in ("frames.json", "frames_more.json"):
        rows += json.loads((DATA / file).read_text())["vectors"]
    return [
        (algorithm, bytes.fromhex(row["frame_plain"]), bytes.fromhex(row[algorithm]))
        for row in rows
        for algorithm in AES
        if algorithm in row
    ]


@cache
def _key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def _pem(key: Any, protection: Any = None) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection or NoEncryption())
    return pem


@pytest.mark.parametrize(("algorithm", "plain", "encrypted"), _vectors())
def test_vector_decrypts_to_its_plain_frame_and_back(
    algorithm: str, plain: bytes, encrypted: bytes
) -> None:
    """An encrypted frame of the SDK is the plain one inside, and encrypts to the same bytes."""
    cipher = AES[algorithm]
    (frame,) = FrameReader(lambda proto_id: cipher).receive(encrypted)
    (expected,) = FrameReader().receive(plain)
    assert frame == expected
    assert encode(frame, cipher) == encrypted


def test_ftaes_pads_as_documented() -> None:
    """`abc` is a padded block, and a block of fifteen zeros and its length."""
    assert FtAesEcb(KEY).encrypt(b"abc").hex() == (
        "58e6250fb71a1ddc21a07145d13cff91" + "00000000000000000000000000000003"
    )


def test_cbc_begins_anew_with_every_packet() -> None:
    """The same body gives the same bytes each time."""
    cipher = AesCbc(KEY, IV)
    assert [cipher.encrypt(b"abc").hex() for _ in range(2)] == [
        "588ae740ea0ec9b1d385f095f6ee6657"
    ] * 2


@pytest.mark.parametrize("cipher", ALL)
@given(plain=st.binary(max_size=200))
def test_cipher_gives_back_what_it_took(cipher: PacketCipher, plain: bytes) -> None:
    """Any body, also an empty one, comes out as it went in."""
    assert cipher.decrypt(cipher.encrypt(plain)) == plain


@pytest.mark.parametrize("cipher", ALL)
@given(data=st.binary(max_size=100))
def test_cipher_reads_any_bytes_or_says_that_it_cannot(cipher: PacketCipher, data: bytes) -> None:
    """What no cipher made is a body, or PacketUndecipherable, and nothing else."""
    with suppress(PacketUndecipherable):
        assert isinstance(cipher.decrypt(data), bytes)


@pytest.mark.parametrize("bits", [1024, 2048, 3072])
@given(plain=st.binary(max_size=700))
def test_rsa_gives_back_what_it_took_at_every_size(bits: int, plain: bytes) -> None:
    """Chunks follow from the key."""
    cipher = Rsa(_key(bits))
    assert cipher.decrypt(cipher.encrypt(plain)) == plain


@pytest.mark.parametrize(("length", "blocks"), [(100, 1), (101, 2), (200, 2), (201, 3)])
def test_rsa_cuts_at_100_bytes_where_the_key_has_1024_bits(length: int, blocks: int) -> None:
    """As OpenD and the SDK do: 100 bytes of plaintext a block of 128."""
    assert len(Rsa(_key(1024)).encrypt(bytes(length))) == blocks * 128


def test_rsa_cannot_read_what_another_key_wrote() -> None:
    """The wrong key is told, or gives other bytes: OpenSSL may hide which (implicit rejection)."""
    sealed = Rsa(rsa.generate_private_key(65537, 1024)).encrypt(b"InitConnect")  # noqa: S505
    with suppress(PacketUndecipherable):
        assert Rsa(_key(1024)).decrypt(sealed) != b"InitConnect"


@pytest.mark.parametrize(
    ("pem", "complaint"),
    [
        (b"", "no private key in PEM form"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nnonsense\n", "no private key in PEM form"),
        (_pem(_key(2048), BestAvailableEncryption(b"secret")), "protected by a passphrase"),
        (_pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
    ],
    ids=["empty", "nonsense", "protected", "elliptic"],
)
def test_load_rsa_key_says_what_is_wrong(pem: bytes, complaint: str) -> None:
    """Each kind of unusable key has its own clear text."""
    with pytest.raises(KeyUnusable, match=complaint):
        load_rsa_key(pem)


def test_load_rsa_key_reads_both_pem_forms() -> None:
    """PKCS#1, as OpenD's tools write it, and PKCS#8."""
    key = _key(1024)
    pkcs1 = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert load_rsa_key(pkcs1).private_numbers() == load_rsa_key(_pem(key)).private_numbers()


def test_read_rsa_names_the_file(tmp_path: Path) -> None:
    """A file that is not there is named, with the system's words."""
    missing = tmp_path / "key.pem"
    with pytest.raises(KeyUnusable, match=rf"{missing}: No such file"):
        read_rsa(missing)


@pytest.mark.parametrize(
    ("encryption", "kind"),
    [
        (Encryption.NONE, Plain),
        (Encryption.FTAES_ECB, FtAesEcb),
        (Encryption.AES_ECB, AesEcb),
        (Encryption.AES_CBC, AesCbc),
    ],
)
def test_packet_cipher_follows_what_was_asked_for(encryption: Encryption, kind: type) -> None:
    """The client's own wish decides; an iv in the reply proves nothing."""
    assert type(packet_cipher(encryption, KEY.decode(), IV.decode())) is kind


@pytest.mark.parametrize(("key", "iv"), [("short", IV.decode()), (KEY.decode(), "")])
def test_packet_cipher_refuses_a_key_of_the_wrong_length(key: str, iv: str) -> None:
    """OpenD's own fault is OpenD's, and the text holds neither key nor iv."""
    with pytest.raises(KeyMismatch) as caught:
        packet_cipher(Encryption.AES_CBC, key, iv)
    assert "short" not in str(caught.value)
