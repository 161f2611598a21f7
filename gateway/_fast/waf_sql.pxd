cdef unsigned shape_in(const unsigned char *start, Py_ssize_t size) noexcept
cdef bint sql_finds(const unsigned char *start, Py_ssize_t size) noexcept
cdef bint is_read(unsigned char byte) noexcept
