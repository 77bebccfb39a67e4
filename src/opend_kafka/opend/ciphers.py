"""How packets are encrypted: RSA for InitConnect, AES-128 for everything after it. Pure.

Both sides hold the same RSA private key file (PKCS#1 PEM); InitConnect's reply brings the AES key.
A cipher is stateless: each packet stands alone.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding as symmetric
from cryptography.hazmat.primitives.asymmetric import padding as asymmetric
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from opend_kafka.errors import KeyMismatch, KeyUnusable, PacketUndecipherable, system_words

#: Bytes of an AES block, and of its key.
_BLOCK = 16

#: What a plaintext chunk falls short of the key's size: 100 of a 1024-bit key's 128 bytes, as
#: OpenD has it. PKCS#1 v1.5 itself needs 11.
_CHUNK_MARGIN = 28

#: Bits. OpenD's own tools make keys of 1024; anything less is no protection, and has no room.
MIN_KEY_BITS = 1024


class Encryption(StrEnum):
    """The algorithms, as the configuration names them."""

    NONE = "none"
    FTAES_ECB = "ftaes_ecb"
    AES_ECB = "aes_ecb"
    AES_CBC = "aes_cbc"

    @property
    def number(self) -> int:
        """Common.PacketEncAlgo."""
        return _NUMBERS[self]


_NUMBERS = {
    Encryption.NONE: -1,
    Encryption.FTAES_ECB: 0,
    Encryption.AES_ECB: 1,
    Encryption.AES_CBC: 2,
}


class PacketCipher(Protocol):
    """What turns bodies into what goes over the wire, and back."""

    def encrypt(self, plain: bytes) -> bytes:
        """Give the bytes for the wire."""
        ...

    def decrypt(self, data: bytes) -> bytes:
        """Give the body.

        Raises:
            PacketUndecipherable: the bytes are not what this cipher makes.
        """
        ...


class Plain:
    """No encryption."""

    def encrypt(self, plain: bytes) -> bytes:
        """See `PacketCipher.encrypt`."""
        return plain

    def decrypt(self, data: bytes) -> bytes:
        """See `PacketCipher.decrypt`."""
        return data


class FtAesEcb:
    """AES-ECB with OpenD's own padding.

    Zeros up to a whole block, and behind the encrypted blocks one more, in the clear: fifteen
    zeros and how many bytes of the last block count (0 where it is full).
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - OpenD's choice

    def encrypt(self, plain: bytes) -> bytes:
        """See `PacketCipher.encrypt`."""
        used = len(plain) % _BLOCK
        padded = plain + bytes(-len(plain) % _BLOCK)
        encryptor = self._cipher.encryptor()
        return encryptor.update(padded) + encryptor.finalize() + bytes(_BLOCK - 1) + bytes([used])

    def decrypt(self, data: bytes) -> bytes:
        """See `PacketCipher.decrypt`."""
        if len(data) < _BLOCK or len(data) % _BLOCK or data[-1] >= _BLOCK:
            raise PacketUndecipherable("its length or its last block is not FTAES's")
        used = data[-1]
        if used and len(data) == _BLOCK:
            raise PacketUndecipherable("it has a last block and no first one")
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(data[:-_BLOCK]) + decryptor.finalize()
        return plain[: used - _BLOCK] if used else plain


class _Pkcs7:
    """AES with PKCS#7 padding, in either mode."""

    def __init__(self, cipher: Cipher[modes.ECB] | Cipher[modes.CBC]) -> None:
        self._cipher = cipher

    def encrypt(self, plain: bytes) -> bytes:
        """See `PacketCipher.encrypt`."""
        padder = symmetric.PKCS7(_BLOCK * 8).padder()
        encryptor = self._cipher.encryptor()
        return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()

    def decrypt(self, data: bytes) -> bytes:
        """See `PacketCipher.decrypt`."""
        decryptor = self._cipher.decryptor()
        unpadder = symmetric.PKCS7(_BLOCK * 8).unpadder()
        try:
            padded = decryptor.update(data) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise PacketUndecipherable(str(error)) from None


class AesEcb(_Pkcs7):
    """AES-ECB with PKCS#7."""

    def __init__(self, key: bytes) -> None:
        super().__init__(Cipher(algorithms.AES(key), modes.ECB()))  # noqa: S305 - OpenD's choice


class AesCbc(_Pkcs7):
    """AES-CBC with PKCS#7; every packet begins with the connection's iv anew."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        super().__init__(Cipher(algorithms.AES(key), modes.CBC(iv)))


class Rsa:
    """RSA with PKCS#1 v1.5, in chunks: public-encrypt and private-decrypt in both directions."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._private = key
        self._public = key.public_key()
        self._size = key.key_size // 8
        self._chunk = self._size - _CHUNK_MARGIN

    def encrypt(self, plain: bytes) -> bytes:
        """See `PacketCipher.encrypt`."""
        return b"".join(
            self._public.encrypt(plain[start : start + self._chunk], asymmetric.PKCS1v15())
            for start in range(0, len(plain), self._chunk)
        )

    def decrypt(self, data: bytes) -> bytes:
        """See `PacketCipher.decrypt`."""
        if len(data) % self._size:
            raise PacketUndecipherable(f"its length is no multiple of the key's {self._size} bytes")
        try:
            return b"".join(
                self._private.decrypt(data[start : start + self._size], asymmetric.PKCS1v15())
                for start in range(0, len(data), self._size)
            )
        except ValueError as error:
            raise PacketUndecipherable(str(error)) from None


def load_rsa_key(pem: bytes) -> RSAPrivateKey:
    """Read an RSA private key.

    Raises:
        KeyUnusable: it is none, it is encrypted, or it is too short. The text names no secret.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise KeyUnusable("it is protected by a passphrase; OpenD needs it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable(
            "it is no private key in PEM form (-----BEGIN RSA PRIVATE KEY-----)"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyUnusable("it is a private key, but no RSA key")
    if key.key_size < MIN_KEY_BITS:
        raise KeyUnusable(f"it has {key.key_size} bits; {MIN_KEY_BITS} are the least")
    return key


def read_rsa(path: Path) -> Rsa:
    """Give the cipher of InitConnect from a key file.

    Raises:
        KeyUnusable: the file cannot be read, or holds no usable key.
    """
    try:
        return Rsa(load_rsa_key(path.read_bytes()))
    except OSError as error:
        cause = system_words(error)
    except KeyUnusable as error:
        cause = str(error)
    raise KeyUnusable(f"{path}: {cause}")


def packet_cipher(encryption: Encryption, aes_key: str, aes_iv: str) -> PacketCipher:
    """Give the cipher for everything after InitConnect.

    Args:
        encryption: what the client has asked for. What the reply carries proves nothing.
        aes_key: InitConnect's connAESKey.
        aes_iv: InitConnect's aesCBCiv; empty where there is none.

    Raises:
        KeyMismatch: the key or the iv does not have 16 bytes.
    """
    key, iv = aes_key.encode(), aes_iv.encode()
    if encryption is Encryption.NONE:
        return Plain()
    if len(key) != _BLOCK:
        raise KeyMismatch(f"OpenD gave an AES key of {len(key)} bytes instead of {_BLOCK}")
    if encryption is Encryption.FTAES_ECB:
        return FtAesEcb(key)
    if encryption is Encryption.AES_ECB:
        return AesEcb(key)
    if len(iv) != _BLOCK:
        raise KeyMismatch(f"OpenD gave an AES iv of {len(iv)} bytes instead of {_BLOCK}")
    return AesCbc(key, iv)
