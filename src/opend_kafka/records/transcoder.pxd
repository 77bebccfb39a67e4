cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t



cdef struct Slot:
    uint64_t bits
    const uint8_t* at
    Py_ssize_t size


cdef struct Parsed:
    uint64_t present
    Slot slots[32]


cdef struct WireFieldC:
    int type
    int number
    bint repeated
    int message


cdef struct MessageC:
    int fields
    uint64_t required
    signed char by_number[64]
    WireFieldC field[32]


cdef struct StepC:
    int op
    bint of_row
    int slot
    bint nullable
    int block
    int32_t* symbols
    int symbols_end
    int32_t unknown


cdef struct BlockC:
    int message
    int end
    StepC* steps


@cython.final
cdef class Identity:
    cdef readonly int market_number
    cdef readonly str code
    cdef bytes market_avro
    cdef bytes code_avro
    cdef object subtype
    cdef object lane
    cdef dict lanes


@cython.final
cdef class Transcoder:
    cdef object _program
    cdef MessageC* _messages
    cdef int _messages_end
    cdef BlockC* _blocks
    cdef int _blocks_end
    cdef int _ret_type, _origin, _s2c, _s2c_message, _rows, _row_message, _security_message
    cdef int _security_slot, _market_slot, _code_slot
    cdef bint _security_of_row
    cdef int _sequence_slot, _kind_slot, _subtype_slot
    cdef bint _sequence_of_row, _kind_of_row, _subtype_of_row
    cdef int _moments
    cdef int _moment_slot[4]
    cdef bint _moment_of_row[4]
    cdef dict _identities
    cdef dict _subtypes
    cdef object _default_subtype
    cdef Parsed _s2c_parsed
    cdef Parsed* _row_parsed
    cdef int _room
    cdef Identity _identity
    cdef uint8_t* _out
    cdef Py_ssize_t _size, _capacity
    cdef readonly int rows

    cdef bint read(self, const uint8_t* at, Py_ssize_t size) except -1
    cdef Identity identity(self, int row)
    cdef object subtype(self, int row)
    cdef int push_data_type(self, int row) noexcept
    cdef readonly tuple push_data_types
    cdef bint has_sequence(self)
    cdef int64_t sequence(self, int row)
    cdef int64_t event_ms(self, int row, int64_t ingest_ms)
    cdef bytes encode(
        self, int row, Identity identity, bytes prefix, int64_t conn_id, int64_t serial, int64_t ingest_us
    )
    cdef Identity _identify(self, const Slot* slot)
    cdef const Parsed* _of(self, bint of_row, int row) noexcept
    cdef int _write(self, const BlockC* block, const Parsed* row, Identity identity) except -2
    cdef int _write_each(self, const StepC* step, int message, bint present, const Slot* slot) except -2
    cdef int _write_inner(self, int block, const Slot* slot) except -2
    cdef int _make_room(self, int rows) except -1
    cdef int _put_bytes(self, bytes data) except -1
    cdef int _put(self, const uint8_t* data, Py_ssize_t size) except -1
    cdef int _put_long(self, int64_t value) except -1
    cdef int _grow(self, Py_ssize_t size) except -1
