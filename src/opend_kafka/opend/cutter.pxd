from libc.stdint cimport uint8_t, uint32_t


cdef class Taker:
    cdef bint take(
        self, uint32_t proto_id, uint32_t serial, const uint8_t* body, Py_ssize_t size
    ) except -1
