"""The compiled form of `engine`: runs a `programs.Program` on protobuf's wire bytes.

It takes what is ordinary, and refuses all else, before anything has come of it: who refuses nothing
is the plain engine, and it gets what is refused here. Refused are: a field that is not known, or is
of another wire type, or comes twice; a number out of its type's range, or written in more bytes than
it needs; a required field that is missing; a length past the end; a text that is no UTF-8; a name
that no security has; a retType other than 0; a push of nothing. So this module needs no errors of
its own, and whatever it does write are the plain engine's bytes.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy

from opend_kafka.opend.securities import market_name
from opend_kafka.records.programs import NOWHERE, Op, Type, avro_string

cdef enum:
    SLOTS = 32
    NUMBERS = 64
    REFUSED = -1
    DONE = 0
    NOWHERE_C = -1

# As in `programs`; the constructor checks that.
cdef enum:
    T_BOOL, T_INT32, T_INT64, T_DOUBLE, T_STRING, T_MESSAGE

cdef enum:
    OP_MARKET, OP_CODE, OP_BOOL, OP_LONG, OP_DOUBLE, OP_STRING, OP_MICROS, OP_SYMBOL, OP_EACH, OP_ONE

# Identities that are kept, and the bytes that one may have: more than OpenD lets anybody subscribe,
# and than any code has. What a host names beyond that is not to stay in memory.
cdef int IDENTITIES = 16384
cdef Py_ssize_t IDENTITY_SIZE = 256

# Rows of one push that have room; OpenD pushes a thousand at most.
cdef int ROWS = 4096

# As in `times`.
cdef double FIRST_SECOND = -62_135_596_800.0
cdef double END_SECOND = 253_402_300_800.0


cdef class Identity:
    """A security as one push after another names it: its number, its code, both as Avro.

    `lanes` are another's, by subtype, and the last one that was asked for.
    """


cdef inline const uint8_t* varint(const uint8_t* at, const uint8_t* end, uint64_t* value) noexcept:
    """Read a varint; give where it ends, or NULL.

    NULL also where it has more bytes than it needs: protobuf's writers make none, and its readers
    do not agree how many they take.
    """
    cdef uint64_t result = 0
    cdef int shift = 0
    cdef uint8_t byte
    while at < end and shift < 70:
        byte = at[0]
        at += 1
        if shift == 63 and byte > 1:
            return NULL
        result |= (<uint64_t>(byte & 0x7F)) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                return NULL
            value[0] = result
            return at
        shift += 7
    return NULL


cdef int parse(
    const MessageC* message, const uint8_t* at, Py_ssize_t size, Parsed* parsed
) noexcept:
    """Read one message, not what is in it; `message` says how it looks."""
    cdef const uint8_t* end = at + size
    cdef const uint8_t* start
    cdef uint64_t tag, value
    cdef int slot, wire
    cdef Slot* found
    cdef const WireFieldC* field
    parsed.present = 0
    while at < end:
        start = at
        at = varint(at, end, &tag)
        if at == NULL or tag >= NUMBERS << 3:
            return REFUSED
        slot = message.by_number[tag >> 3]
        if slot < 0:
            return REFUSED
        field = &message.field[slot]
        found = &parsed.slots[slot]
        wire = tag & 7
        if parsed.present >> slot & 1:
            if not field.repeated:
                return REFUSED
        elif field.repeated:
            found.bits = 0
            found.at = start
            found.size = end - start
        parsed.present |= <uint64_t>1 << slot
        if field.type == T_DOUBLE:
            if wire != 1 or end - at < 8:
                return REFUSED
            memcpy(&found.bits, at, 8)
            at += 8
        elif field.type == T_STRING or field.type == T_MESSAGE:
            if wire != 2:
                return REFUSED
            at = varint(at, end, &value)
            if at == NULL or value > <uint64_t>(end - at):
                return REFUSED
            if field.repeated:
                found.bits += 1
            else:
                found.at = at
                found.size = value
            at += value
        else:
            if wire != 0:
                return REFUSED
            at = varint(at, end, &value)
            if at == NULL:
                return REFUSED
            if field.type == T_BOOL and value > 1:
                return REFUSED
            if field.type == T_INT32 and <int64_t>value != <int32_t>value:
                return REFUSED
            found.bits = value
    if parsed.present & message.required != message.required:
        return REFUSED
    return DONE


cdef inline const uint8_t* element(
    const uint8_t* at, const uint8_t* end, int number, Slot* found
) noexcept:
    """Find the next element of a repeated message among what `parse` has read."""
    cdef uint64_t tag = 0, value = 0
    while True:
        at = varint(at, end, &tag)
        if tag & 7 == 1:
            at += 8
            continue
        at = varint(at, end, &value)
        if tag & 7 == 2:
            if <int>(tag >> 3) == number:
                found.at = at
                found.size = value
                return at + value
            at += value


cdef inline bint is_ascii(const uint8_t* at, Py_ssize_t size) noexcept:
    cdef uint8_t all_bits = 0
    cdef Py_ssize_t i
    for i in range(size):
        all_bits |= at[i]
    return all_bits < 0x80


cdef inline bint is_text(const uint8_t* at, Py_ssize_t size):
    """Tell whether bytes are UTF-8."""
    if not is_ascii(at, size):
        try:
            PyUnicode_DecodeUTF8(<const char*>at, size, NULL)
        except UnicodeDecodeError:
            return False
    return True


cdef inline bint micros(uint64_t bits, int64_t* value) noexcept:
    """See `times.micros`."""
    cdef double seconds
    memcpy(&seconds, &bits, 8)
    if seconds == 0 or not (FIRST_SECOND <= seconds < END_SECOND):
        return False
    value[0] = <int64_t>rint(seconds * 1_000_000.0)
    return True


cdef class Transcoder:
    """Makes the Avro bytes of one kind of record out of protobuf's.

    Args:
        program: see `programs.program`.

    Raises:
        ValueError: the program is larger than its places here.
    """

    def __cinit__(self, program):
        assert [*Type] == [T_BOOL, T_INT32, T_INT64, T_DOUBLE, T_STRING, T_MESSAGE]
        assert [*Op] == [*range(OP_ONE + 1)]
        self._program = program
        self._load_messages(program.messages)
        self._load_blocks(program.blocks)
        self._room = 8
        self._row_parsed = <Parsed*>calloc(self._room, sizeof(Parsed))
        self._capacity = 1024
        self._out = <uint8_t*>calloc(self._capacity, 1)
        if self._row_parsed == NULL or self._out == NULL:
            raise MemoryError

    def __init__(self, program):
        assert NOWHERE == NOWHERE_C
        self._ret_type = program.ret_type
        self._origin = program.origin
        self._s2c = program.s2c
        self._s2c_message = program.messages[0][program.s2c].message
        self._rows = program.rows
        self._row_message = program.row_message
        self._security_of_row = program.security.of_row and program.rows != NOWHERE
        self._security_slot = program.security.slot
        holder = program.messages[self._row_message if self._security_of_row else self._s2c_message]
        self._security_message = holder[self._security_slot].message
        self._market_slot = program.market
        self._code_slot = program.code
        self._sequence_of_row, self._sequence_slot = _place(program.sequence)
        of_kind = program.push_data_type or (None, ())
        self._kind_of_row, self._kind_slot = _place(of_kind[0])
        self.push_data_types = tuple(of_kind[1])
        self._subtype_of_row, self._subtype_slot = _place(program.subtype)
        self._subtypes = program.subtypes
        self._default_subtype = program.default_subtype
        if len(program.event_time) > 4:
            raise ValueError("a record's own time is the latest of four at most")
        self._moments = len(program.event_time)
        for i, place in enumerate(program.event_time):
            self._moment_of_row[i], self._moment_slot[i] = _place(place)
        self._identities = {}

    def __dealloc__(self):
        cdef int i, j
        for i in range(self._blocks_end):
            for j in range(self._blocks[i].end):
                free(self._blocks[i].steps[j].symbols)
            free(self._blocks[i].steps)
        free(self._blocks)
        free(self._messages)
        free(self._row_parsed)
        free(self._out)

    def _load_messages(self, messages):
        cdef MessageC* message
        self._messages = <MessageC*>calloc(len(messages), sizeof(MessageC))
        if self._messages == NULL:
            raise MemoryError
        self._messages_end = len(messages)
        for i, fields in enumerate(messages):
            message = &self._messages[i]
            if len(fields) > SLOTS:
                raise ValueError(f"a message has {len(fields)} fields: {SLOTS} have room")
            message.fields = len(fields)
            for number in range(NUMBERS):
                message.by_number[number] = -1
            for slot, field in enumerate(fields):
                if field.number >= NUMBERS:
                    raise ValueError(f"a field has number {field.number}: {NUMBERS} have room")
                message.by_number[field.number] = slot
                message.required |= <uint64_t>field.required << <int>slot
                message.field[<int>slot] = WireFieldC(
                    field.type, field.number, field.repeated, field.message
                )

    def _load_blocks(self, blocks):
        cdef StepC* step
        self._blocks = <BlockC*>calloc(len(blocks), sizeof(BlockC))
        if self._blocks == NULL:
            raise MemoryError
        self._blocks_end = len(blocks)
        for i, block in enumerate(blocks):
            self._blocks[<int>i].message = block.message
            self._blocks[<int>i].steps = <StepC*>calloc(len(block.steps) or 1, sizeof(StepC))
            if self._blocks[<int>i].steps == NULL:
                raise MemoryError
            self._blocks[<int>i].end = len(block.steps)
            for j, one in enumerate(block.steps):
                step = &self._blocks[<int>i].steps[<int>j]
                step.op, step.of_row, step.slot = one.op, one.of_row, one.slot
                step.nullable, step.block, step.unknown = one.nullable, one.block, one.unknown
                step.symbols = <int32_t*>calloc(len(one.symbols) or 1, sizeof(int32_t))
                if step.symbols == NULL:
                    raise MemoryError
                step.symbols_end = len(one.symbols)
                for k, symbol in enumerate(one.symbols):
                    step.symbols[<int>k] = symbol

    def transcode(self, bytes body, bytes prefix, provenance):
        """Give (subtype, market number, code, push data type, sequence, record) of each row.

        Args:
            body: a push's, protobuf.
            prefix: the bytes of the wire format.
            provenance: `engine.Provenance`, of a push.

        Returns:
            None where it is refused: see the module.
        """
        cdef Identity identity
        cdef int row
        cdef int64_t conn_id = <int64_t><uint64_t>provenance.conn_id
        if not self.read(<const uint8_t*>PyBytes_AS_STRING(body), PyBytes_GET_SIZE(body)):
            return None
        found = []
        for row in range(self.rows):
            identity = self.identity(row)
            if identity is None:
                return None
            subtype = self.subtype(row)
            record = self.encode(
                row, identity, prefix, conn_id, provenance.push_serial, provenance.ingest_time_us
            )
            if subtype is None or record is None:
                return None
            sequence = self.sequence(row) if self.has_sequence() else None
            number = self.push_data_type(row)
            kind = "" if number < 0 else self.push_data_types[number]
            found.append((subtype, identity.market_number, identity.code, kind, sequence, record))
        return found

    def event_time_ms(self, int row, int64_t ingest_time_us):
        """Give `engine.RecordEncoder.event_time_ms` of a row last transcoded; -1: refused."""
        if not 0 <= row < self.rows:
            raise IndexError(row)
        return self.event_ms(row, ingest_time_us // 1000)

    cdef bint read(self, const uint8_t* at, Py_ssize_t size) except -1:
        """Take a push's body; tell whether it is ordinary. It must live until all is encoded."""
        cdef Parsed response
        cdef const uint8_t* end
        cdef Slot* rows
        cdef Slot one
        cdef int i, number
        self.rows = 0
        self._identity = None
        if parse(&self._messages[0], at, size, &response) == REFUSED:
            return False
        if not response.present >> self._s2c & 1 or response.slots[self._ret_type].bits != 0:
            return False
        one = response.slots[self._s2c]
        if parse(&self._messages[self._s2c_message], one.at, one.size, &self._s2c_parsed) == REFUSED:
            return False
        if self._rows == NOWHERE_C:
            self.rows = 1
            return True
        if not self._s2c_parsed.present >> self._rows & 1:
            return False
        rows = &self._s2c_parsed.slots[self._rows]
        if rows.bits > <uint64_t>ROWS:
            return False
        self._make_room(<int>rows.bits)
        number = self._messages[self._s2c_message].field[self._rows].number
        at, end = rows.at, rows.at + rows.size
        for i in range(<int>rows.bits):
            at = element(at, end, number, &one)
            if parse(
                &self._messages[self._row_message], one.at, one.size, &self._row_parsed[i]
            ) == REFUSED:
                return False
        self.rows = rows.bits
        return True

    cdef Identity identity(self, int row):
        """Give the security of a row; None where it is refused."""
        cdef Slot* slot
        if self._security_of_row:
            slot = &self._row_parsed[row].slots[self._security_slot]
        elif self._identity is not None:
            return self._identity
        else:
            slot = &self._s2c_parsed.slots[self._security_slot]
        if slot.size > IDENTITY_SIZE:
            return None
        raw = PyBytes_FromStringAndSize(<const char*>slot.at, slot.size)
        found = self._identities.get(raw)
        if found is None:
            found = self._identify(slot)
            if found is None:
                return None
            if len(self._identities) >= IDENTITIES:
                self._identities.clear()
            self._identities[raw] = found
        self._identity = found
        return found

    cdef Identity _identify(self, const Slot* slot):
        cdef Parsed parsed
        cdef Identity identity
        cdef Slot* code
        if parse(&self._messages[self._security_message], slot.at, slot.size, &parsed) == REFUSED:
            return None
        code = &parsed.slots[self._code_slot]
        if not is_text(code.at, code.size):
            return None
        identity = Identity.__new__(Identity)
        identity.lanes = {}
        identity.market_number = <int32_t>parsed.slots[self._market_slot].bits
        identity.code = PyUnicode_DecodeUTF8(<const char*>code.at, code.size, NULL)
        identity.market_avro = avro_string(market_name(identity.market_number))
        identity.code_avro = avro_string(identity.code)
        return identity

    cdef const Parsed* _of(self, bint of_row, int row) noexcept:
        if of_row and self._rows != NOWHERE_C:
            return &self._row_parsed[row]
        return &self._s2c_parsed

    cdef object subtype(self, int row):
        """Give a row's subtype; None where nobody can have subscribed it."""
        cdef const Parsed* parsed
        if self._subtype_slot == NOWHERE_C:
            return self._default_subtype
        parsed = self._of(self._subtype_of_row, row)
        if not parsed.present >> self._subtype_slot & 1:
            return self._default_subtype
        number = <int32_t>parsed.slots[self._subtype_slot].bits
        return self._subtypes.get(number, self._default_subtype)

    cdef int push_data_type(self, int row) noexcept:
        """Give the place of a row's PushDataType in `push_data_types`; -1 where it has none."""
        cdef const Parsed* parsed
        cdef uint64_t number
        if self._kind_slot == NOWHERE_C:
            return -1
        parsed = self._of(self._kind_of_row, row)
        if not parsed.present >> self._kind_slot & 1:
            return -1
        number = parsed.slots[self._kind_slot].bits
        return <int>number if number < <uint64_t>len(self.push_data_types) else 0

    cdef bint has_sequence(self):
        return self._sequence_slot != NOWHERE_C

    cdef int64_t sequence(self, int row):
        return <int64_t>self._of(self._sequence_of_row, row).slots[self._sequence_slot].bits

    cdef int64_t event_ms(self, int row, int64_t ingest_ms):
        """Give a row's own time in milliseconds; -1 where a text has to be read for it."""
        cdef int i
        cdef int64_t latest = 0, told
        cdef const Parsed* parsed
        for i in range(self._moments):
            parsed = self._of(self._moment_of_row[i], row)
            if not parsed.present >> self._moment_slot[i] & 1:
                return -1
            if not micros(parsed.slots[self._moment_slot[i]].bits, &told):
                return -1
            latest = max(latest, told // 1000)
        return min(latest, ingest_ms) if latest > 0 else ingest_ms

    cdef bytes encode(
        self, int row, Identity identity, bytes prefix, int64_t conn_id, int64_t serial, int64_t ingest_us
    ):
        """Give a row's record behind `prefix`; None where it is refused."""
        self._size = 0
        self._put(<const uint8_t*>PyBytes_AS_STRING(prefix), PyBytes_GET_SIZE(prefix))
        if self._write(&self._blocks[0], self._of(True, row), identity) == REFUSED:
            return None
        self._put_long(self._origin)
        self._put_long(conn_id)
        self._put_long(serial)
        self._put_long(row)
        self._put_long(ingest_us)
        return PyBytes_FromStringAndSize(<const char*>self._out, self._size)

    cdef int _write(self, const BlockC* block, const Parsed* row, Identity identity) except -2:
        cdef int i
        cdef int64_t micro = 0
        cdef uint64_t number
        cdef const StepC* step
        cdef const Parsed* parsed
        cdef const Slot* slot
        cdef bint present
        for i in range(block.end):
            step = &block.steps[i]
            if step.op == OP_MARKET:
                self._put_bytes(identity.market_avro)
                continue
            if step.op == OP_CODE:
                self._put_bytes(identity.code_avro)
                continue
            parsed = row if step.of_row else &self._s2c_parsed
            slot = &parsed.slots[step.slot]
            present = parsed.present >> step.slot & 1
            if step.op == OP_EACH:
                if self._write_each(step, block.message, present, slot) == REFUSED:
                    return REFUSED
                continue
            if step.op == OP_MICROS and present:
                present = micros(slot.bits, &micro)
            if not present:
                if not step.nullable:
                    return REFUSED
                self._put_long(0)
                continue
            if step.nullable:
                self._put_long(1)
            if step.op == OP_LONG:
                self._put_long(<int64_t>slot.bits)
            elif step.op == OP_DOUBLE:
                self._put(<const uint8_t*>&slot.bits, 8)
            elif step.op == OP_STRING:
                if not is_text(slot.at, slot.size):
                    return REFUSED
                self._put_long(slot.size)
                self._put(slot.at, slot.size)
            elif step.op == OP_MICROS:
                self._put_long(micro)
            elif step.op == OP_SYMBOL:
                number = slot.bits
                if number < <uint64_t>step.symbols_end:
                    self._put_long(step.symbols[number])
                else:
                    self._put_long(step.unknown)
            elif step.op == OP_BOOL:
                self._put(<const uint8_t*>b"\1" if slot.bits else <const uint8_t*>b"\0", 1)
            elif self._write_inner(step.block, slot) == REFUSED:
                return REFUSED
        return DONE

    cdef int _write_each(
        self, const StepC* step, int message, bint present, const Slot* slot
    ) except -2:
        cdef const uint8_t* at
        cdef const uint8_t* end
        cdef Slot one
        cdef uint64_t i
        cdef int number
        if present:
            message = message if step.of_row else self._s2c_message
            number = self._messages[message].field[step.slot].number
            self._put_long(slot.bits)
            at, end = slot.at, slot.at + slot.size
            for i in range(slot.bits):
                at = element(at, end, number, &one)
                if self._write_inner(step.block, &one) == REFUSED:
                    return REFUSED
        self._put_long(0)
        return DONE

    cdef int _write_inner(self, int block, const Slot* slot) except -2:
        cdef Parsed parsed
        if parse(&self._messages[self._blocks[block].message], slot.at, slot.size, &parsed) == REFUSED:
            return REFUSED
        return self._write(&self._blocks[block], &parsed, None)

    cdef int _make_room(self, int rows) except -1:
        cdef void* larger
        if rows > self._room:
            larger = realloc(self._row_parsed, rows * sizeof(Parsed))
            if larger == NULL:
                raise MemoryError
            self._row_parsed = <Parsed*>larger
            self._room = rows
        return 0

    cdef int _put_bytes(self, bytes data) except -1:
        return self._put(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef int _put(self, const uint8_t* data, Py_ssize_t size) except -1:
        if self._size + size > self._capacity:
            self._grow(size)
        memcpy(self._out + self._size, data, size)
        self._size += size
        return 0

    cdef int _put_long(self, int64_t value) except -1:
        """Write an Avro int or long: zigzag, seven bits a byte."""
        cdef uint64_t rest = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
        cdef uint8_t* at
        if self._size + 10 > self._capacity:
            self._grow(10)
        at = self._out + self._size
        while rest >= 0x80:
            at[0] = <uint8_t>(rest & 0x7F | 0x80)
            at += 1
            rest >>= 7
        at[0] = <uint8_t>rest
        self._size = at + 1 - self._out
        return 0

    cdef int _grow(self, Py_ssize_t size) except -1:
        cdef Py_ssize_t capacity = 2 * (self._capacity + size)
        cdef void* larger = realloc(self._out, capacity)
        if larger == NULL:
            raise MemoryError
        self._out = <uint8_t*>larger
        self._capacity = capacity
        return 0


def _place(place):
    return (False, NOWHERE) if place is None else (place.of_row, place.slot)
