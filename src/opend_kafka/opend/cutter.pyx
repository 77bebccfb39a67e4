"""The compiled form of `frames.FrameReader`: offers each frame where it lies to a `Taker`.

Only what that does not take becomes a `Frame`. All that can be wrong with a frame is judged as there.

SHA-1 comes from the libcrypto that Python's own hashlib has loaded, by its functions for streams of
messages: hashlib makes an object for each of them, which takes longer than the digest.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

import _hashlib
import os
from hashlib import sha1

from opend_kafka.errors import (
    BadMagic,
    BodyUndecipherable,
    ChecksumWrong,
    FrameTooLarge,
    LinkLost,
    PacketUndecipherable,
)
from opend_kafka.opend.ciphers import Plain
from opend_kafka.opend.messages import ProtoId
from opend_kafka.opend.frames import HEADER, MAX_BODY, Frame

cdef enum:
    HEADER_SIZE = 44
    PROTOBUF = 0
    INIT_CONNECT = 1001


cdef class Taker:
    """Takes pushes that are ordinary; see `express.Express`."""

    cdef bint take(
        self, uint32_t proto_id, uint32_t serial, const uint8_t* body, Py_ssize_t size
    ) except -1:
        """Take the body of an intact frame in protobuf; False: it is for somebody else."""
        return False


cdef inline uint32_t number_at(const uint8_t* at) noexcept:
    return at[0] | at[1] << 8 | at[2] << 16 | <uint32_t>at[3] << 24


cdef extern from "dlfcn.h":
    void* dlopen(const char*, int)
    void* dlsym(void*, const char*)
    int RTLD_NOW

# EVP_DigestInit_ex, EVP_DigestUpdate, EVP_DigestFinal_ex.
ctypedef int (*DigestInit)(void*, void*, void*)
ctypedef int (*DigestUpdate)(void*, const void*, size_t)
ctypedef int (*DigestFinal)(void*, uint8_t*, unsigned int*)

cdef DigestInit digest_init = NULL
cdef DigestUpdate digest_update = NULL
cdef DigestFinal digest_final = NULL
cdef void* context = NULL


cdef find_libcrypto():
    """Find libcrypto's functions; without them, or without SHA-1 among them, hashlib does."""
    global digest_init, digest_update, digest_final, context
    cdef void* library = dlopen(os.fsencode(_hashlib.__file__), RTLD_NOW)
    cdef void* new_context = NULL
    cdef void* sha1_of = NULL
    if library == NULL:
        return
    digest_init = <DigestInit>dlsym(library, b"EVP_DigestInit_ex")
    digest_update = <DigestUpdate>dlsym(library, b"EVP_DigestUpdate")
    digest_final = <DigestFinal>dlsym(library, b"EVP_DigestFinal_ex")
    new_context = dlsym(library, b"EVP_MD_CTX_new")
    sha1_of = dlsym(library, b"EVP_sha1")
    if not (digest_init and digest_update and digest_final and new_context and sha1_of):
        return
    context = (<void* (*)()>new_context)()
    if context != NULL and digest_init(context, (<void* (*)()>sha1_of)(), NULL) != 1:
        context = NULL


cdef inline bint is_sha1(const uint8_t* digest, const uint8_t* body, Py_ssize_t size) except -1:
    cdef uint8_t right[64]
    if (
        context != NULL
        and digest_init(context, NULL, NULL) == 1
        and digest_update(context, body, size) == 1
        and digest_final(context, right, NULL) == 1
    ):
        return memcmp(digest, right, 20) == 0
    return digest[:20] == sha1(body[:size], usedforsecurity=False).digest()


if getattr(_hashlib, "__file__", None):  # else Python has it built in, and no name to find it by
    find_libcrypto()


cdef class FrameCutter:
    """Cuts one connection's byte stream into frames; see `frames.FrameReader`.

    Args:
        cipher_of: gives the cipher of a proto_id's bodies.
        taker: is offered each intact frame.
        max_body: bytes that a body may have.
    """

    cdef object _cipher_of
    cdef Taker _taker
    cdef Py_ssize_t _max_body
    cdef bytes _rest

    def __init__(self, cipher_of, Taker taker not None, *, max_body=MAX_BODY):
        assert (HEADER.size, int(ProtoId.INIT_CONNECT)) == (HEADER_SIZE, INIT_CONNECT)
        self._cipher_of = cipher_of
        self._taker = taker
        self._max_body = max_body
        self._rest = b""

    def receive(self, bytes data):
        """Yield the frames that `data` completes, and that the taker did not take.

        Raises:
            BadMagic, FrameTooLarge: see `frames.FrameReader.receive`.
        """
        cdef const uint8_t* at
        cdef const uint8_t* start
        cdef Py_ssize_t offset = 0, end, size
        cdef uint32_t proto_id, serial
        cdef int form
        cdef bytes body
        cipher = None
        if self._rest:
            data = self._rest + data
        end = PyBytes_GET_SIZE(data)
        try:
            while end - offset >= HEADER_SIZE:
                at = <const uint8_t*>PyBytes_AS_STRING(data) + offset
                proto_id = number_at(at + 2)
                form = at[6]
                serial = number_at(at + 8)
                size = number_at(at + 12)
                if at[0] != c"F" or at[1] != c"T":
                    raise BadMagic(data[offset : offset + 2])
                if size > self._max_body:
                    raise FrameTooLarge(proto_id, size, self._max_body)
                if end - offset - HEADER_SIZE < size:
                    break
                offset += HEADER_SIZE + size
                start, body, damage = at + HEADER_SIZE, None, None
                if cipher is None or proto_id == INIT_CONNECT:
                    cipher = self._cipher_of(proto_id)
                if not isinstance(cipher, Plain):
                    body = start[:size]
                    try:
                        body = cipher.decrypt(body)
                        start, size = body, len(body)
                    except PacketUndecipherable:
                        damage = BodyUndecipherable
                if damage is None and not is_sha1(at + 16, start, size):
                    damage = ChecksumWrong
                if damage is None and form == PROTOBUF:
                    if self._taker.take(proto_id, serial, start, size):
                        continue
                if body is None:
                    body = start[:size]
                yield Frame(proto_id, serial, body, form, damage)
                cipher = None  # it may be another one after InitConnect's reply
        finally:
            self._rest = data[offset:]

    def end(self):
        """Say that no more bytes come.

        Raises:
            LinkLost: the stream ended inside a frame.
        """
        if self._rest:
            raise LinkLost(f"the connection ended inside a frame, {len(self._rest)} bytes into it")
