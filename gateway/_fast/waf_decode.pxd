cdef enum:
    # classes of bytes
    PERCENT = 1
    AMPERSAND = 2
    BACKSLASH = 4
    PLUS = 8
    CONTROLS = 16
    HIGH = 32
    DOT = 64
    # in no alphabet of base64
    FOREIGN = 128
    COMMA = 256
    # controls that are no end of a line
    BARRED = 512
    # what a walk stops at
    WALKED = 1 | 2 | 4 | 8 | 16 | 32


cdef struct Pass:
    # one walk over a text
    const unsigned char *text
    Py_ssize_t size
    Py_ssize_t at
    unsigned char *out
    Py_ssize_t length
    int flags
    bint as_css
    bint as_odd
    # what the walk met
    bint is_changed
    bint has_percent
    bint has_octal
    bint has_odd


cdef unsigned short class_of(unsigned char byte) noexcept
cdef bint is_single(const unsigned char *text, Py_ssize_t size, int met, int kind, bint is_inside) noexcept
cdef Py_ssize_t inside(const unsigned char *text, Py_ssize_t size, unsigned char *to, bint is_form) noexcept
cdef Py_ssize_t unescaped(const unsigned char *text, Py_ssize_t size, unsigned char *to, bint is_form) noexcept
