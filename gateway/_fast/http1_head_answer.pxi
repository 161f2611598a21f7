# Heads of upstream answers, by the same rules. Included by head.pyx.

@cython.final
cdef class AnswerHead:
    pass


cdef AnswerHead read_answer(bytes data, Limits limits):
    """Read one answer head from `data`; None while it is incomplete. Raises Refused."""
    cdef const char *raw = PyBytes_AS_STRING(data)
    cdef Py_ssize_t end = head_end(raw, PyBytes_GET_SIZE(data))
    cdef AnswerHead head
    cdef dict parsed
    if PyBytes_GET_SIZE(data) and raw[0] != c"H":
        raise Refused(RULES["status-line"])
    _check_lines(raw, end or PyBytes_GET_SIZE(data), limits)
    if end == 0:
        return None
    if end != PyBytes_GET_SIZE(data):
        data = data[:end]
    try:
        parsed = <dict>parse_response(data)
    except Exception:
        raise Refused(_diagnose(data, False)) from None
    head = AnswerHead.__new__(AnswerHead)
    head.size = end
    head.status = parsed["status"]
    head.minor = parsed["minor_version"]
    if head.minor > 1:
        raise Refused(RULES["version"])
    if head.status < 100:
        raise Refused(RULES["status-code"])
    if PyBytes_GET_SIZE(data) > 12 and (raw[8] != c" " or (raw[12] != c" " and raw[12] != c"\r")):
        raise Refused(RULES["status-line"])
    _answer_fields(head, <list>parsed["headers"])
    return head


cdef int _answer_fields(AnswerHead head, list fields) except -1:
    cdef bytes raw_name, raw_value
    cdef Name name
    cdef str connection = None, codings = None, upgrade = None
    cdef list headers = []
    cdef set tokens
    head.length = -1
    for raw_name, raw_value in fields:
        if not raw_name:
            raise Refused(RULES["obs-fold"])
        name = name_of(raw_name)
        if raw_value and raw_value[PyBytes_GET_SIZE(raw_value) - 1] in (32, 9):
            raw_value = raw_value.rstrip(b" \t")
        if name.code == CONTENT_LENGTH:
            if head.length >= 0:
                raise Refused(RULES["length-repeated"])
            head.length = _length(PyBytes_AS_STRING(raw_value), PyBytes_GET_SIZE(raw_value))
        elif name.code == TRANSFER_ENCODING:
            codings = raw_value.decode("latin-1") if codings is None else codings + "," + raw_value.decode("latin-1")
        elif name.code == CONNECTION:
            connection = ("" if connection is None else connection + ",") + raw_value.decode("latin-1")
        elif name.code == UPGRADE:
            upgrade = raw_value.decode("latin-1")
        elif name.code != HOP and not name.is_request_id:
            # The gateway gives every answer the id that it logs; an upstream that echoes it would double it.
            if name.code == DATE:
                head.dated = True
            value = PyUnicode_DecodeLatin1(PyBytes_AS_STRING(raw_value), PyBytes_GET_SIZE(raw_value), NULL)
            headers.append((name.text, value))
    head.keep_alive = head.minor == 1
    if connection is not None:
        tokens = _tokens(connection)
        if "close" in tokens:
            head.keep_alive = False
        elif "keep-alive" in tokens:
            head.keep_alive = True
        if "upgrade" in tokens:
            head.upgrade = upgrade
        tokens.difference_update(("close", "keep-alive", "upgrade"))
        if tokens:
            headers = [pair for pair in headers if (<str>(<tuple>pair)[0]).lower() not in tokens]
    if codings is not None:
        if head.length >= 0:
            raise Refused(RULES["length-and-coding"])
        if head.minor == 0:
            raise Refused(RULES["coding-in-1.0"])
        if head.status < 200 or head.status == 204:
            raise Refused(RULES["coding-without-body"])
        head.chunked = _is_chunked(codings)
    head.headers = headers
    return 0
