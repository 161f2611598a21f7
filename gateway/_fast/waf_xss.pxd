cdef bint xss_finds(const unsigned char *data, Py_ssize_t size) except -1
cdef bint is_trigger(unsigned char byte) noexcept
