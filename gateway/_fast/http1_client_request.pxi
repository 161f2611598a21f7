# The request to an upstream as bytes: what passes, what the gateway says of itself. Included by wire.pyx.
#
# Who may set what:
#   - framing and hop-by-hop fields are the gateway's own, whoever wrote them
#   - Host is the client's authority; a policy that puts a Host of its own into `outgoing` wins
#   - forwarding fields (Forwarded, X-Forwarded-*, X-Real-IP, X-Request-ID) of an untrusted client are dropped and
#     written anew; those of a trusted proxy are kept and added to; one that a policy put there wins.
# A policy's pair is told from the client's by identity: `outgoing` starts as a copy of the list `headers`, so a pair
# object that is not in `headers` was put there by a policy.

cdef Out _out = Out()
cdef dict _blocks = {}      # what the forwarding fields depend on -> (bytes of all lines, ((name, line), …))
cdef int BLOCKS_MAX = 4096
cdef Py_ssize_t BLOCK_MAX = 2048    # bytes of one that is kept: what a client wrote must not fill the memory
cdef frozenset _with_length = frozenset(("POST", "PUT", "PATCH"))


cdef bint _is_own(tuple pair, list headers):
    """Whether the client sent this very pair."""
    cdef object other
    for other in headers:
        if other is pair:
            return True
    return False


cdef int _write_target(str target) except -1:
    """Origin-form or "*" (RFC 9112 section 3.2); SECURITY: anything else could smuggle a host or a second request."""
    cdef Py_UCS4 c
    if not target or (target[0] != u"/" and target != "*"):
        raise ValueError("the target for the upstream does not begin with a slash")
    for c in target:
        if c <= 0x20 or c >= 0x7f:
            raise ValueError("the target for the upstream holds a character that a URI cannot")
    return _out.text(target)


cdef int _write_head(object exchange, str default_host, str upgrade) except -1:
    """Request line and fields, but for the framing and the empty line (RFC 9112 section 3)."""
    cdef list headers = get(exchange, HEADERS_OF)
    cdef list outgoing = get(exchange, OUTGOING_OF)
    cdef str target = get(exchange, UPSTREAM_PATH_OF)
    cdef str host = get(exchange, AUTHORITY_OF) or default_host
    cdef tuple pair
    _out.size = 0
    _out.text(get(exchange, METHOD_OF))
    _out.raw(b" ", 1)
    _write_target(get(exchange, TARGET_OF) if target is None else target)
    _out.raw(b" HTTP/1.1\r\nHost: ", 17)
    if outgoing is not None:
        for pair in outgoing:
            if name_of_text(<str>pair[0]).code == HOST and not _is_own(pair, headers):
                host = <str>pair[1]
    _out.text(host)
    _out.raw(b"\r\n", 2)
    if upgrade is not None:
        _out.raw(b"Connection: Upgrade\r\n", 21)
        _out.field("Upgrade", upgrade)
    return _write_fields(exchange, headers, outgoing)


cdef int _write_fields(object exchange, list headers, list outgoing) except -1:
    cdef bint trusted = get(exchange, TRUSTED_OF)
    cdef tuple pair
    cdef str name, value, via = None
    cdef dict given = None      # a trusted proxy's forwarding fields, by lower-case name
    cdef list chosen = None     # lower-case names of those that a policy set
    cdef int code
    for pair in (headers if outgoing is None else outgoing):
        name = <str>pair[0]
        value = <str>pair[1]
        code = name_of_text(name).code
        if code == PLAIN or code > UPGRADE or code == DATE:
            _out.field(name, value)
        elif code == VIA:
            via = value if via is None else via + ", " + value
        elif code == FORWARDING:
            if outgoing is not None and not _is_own(pair, headers):
                _out.field(name, value)
                chosen = (chosen or []) + [name.lower()]
            elif trusted:
                if given is None:
                    given = {}
                name = name.lower()
                given[name] = value if name not in given else <str>given[name] + ", " + value
    _write_forwarding(exchange, given, chosen)
    _out.raw(b"Via: ", 5)
    if via is not None:
        # RFC 9110 section 7.6.3: what was there stays in front, the protocol is the one that we received.
        _out.text(via)
        _out.raw(b", ", 2)
    _out.text(get(exchange, VERSION_OF))
    return _out.raw(b" gateway\r\n", 10)


cdef int _write_forwarding(object exchange, dict given, list chosen) except -1:
    cdef object key = (get(exchange, PEER_OF), get(exchange, SCHEME_OF), get(exchange, AUTHORITY_OF))
    cdef tuple entry
    cdef str name, value
    cdef bytes line
    if given is not None:
        key += (get(exchange, CLIENT_OF), tuple(given.items()))
    entry = <tuple>_blocks.get(key)
    if entry is None:
        entry = _make_block(exchange, given)
        if len(_blocks) >= BLOCKS_MAX:
            _blocks.clear()
        if PyBytes_GET_SIZE(<bytes>entry[0]) <= BLOCK_MAX:
            _blocks[key] = entry
    if chosen is None:
        line = <bytes>entry[0]
        _out.raw(PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
    else:
        for name, line in <tuple>entry[1]:
            if name not in chosen:
                _out.raw(PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
        if "x-request-id" in chosen:
            return 0
    return _out.field("X-Request-ID", get(exchange, REQUEST_ID_OF))


cdef tuple _make_block(object exchange, dict given):
    """The forwarding fields for one client, peer and authority, but for the request's id."""
    cdef dict fields
    cdef list lines = []
    fields = forwarding_fields(
        get(exchange, PEER_OF), get(exchange, CLIENT_OF), get(exchange, SCHEME_OF), get(exchange, AUTHORITY_OF),
        given or {},
    )
    for name, value in fields.items():
        _check_text(value)
        lines.append((name.lower(), f"{name}: {value}\r\n".encode("latin-1")))
    return b"".join([line for _, line in lines]), tuple(lines)


cdef int _check_text(str value) except -1:
    cdef Py_UCS4 c
    for c in value:
        if (c < 0x20 and c != 9) or c == 0x7f or c > 0xff:
            raise ValueError("a forwarding field holds a control character")
    return 0


cpdef dict forwarding_fields(str peer, str client, str scheme, str authority, dict given):
    """Forwarding fields by name: `given` are a trusted proxy's, by lower-case name, else empty (RFC 7239)."""
    cdef str addresses = given.get("x-forwarded-for"), element = _element(peer, scheme, authority)
    cdef str chain = given.get("forwarded")
    if addresses is None and "forwarded" in given and client and client != peer:
        addresses = client
    if chain is None and addresses is not None:
        # RFC 7239 section 7.4: what X-Forwarded-For says is said by Forwarded too.
        chain = ", ".join([f"for={_node(part.strip())}" for part in addresses.split(",") if part.strip()])
    fields = {
        "X-Forwarded-For": ", ".join([part for part in (addresses, peer) if part]),
        "X-Forwarded-Proto": given.get("x-forwarded-proto") or scheme,
        "X-Forwarded-Host": given.get("x-forwarded-host") or authority,
        "X-Forwarded-Port": given.get("x-forwarded-port") or _port(scheme, authority),
        "Forwarded": f"{chain}, {element}" if chain else element,
    }
    for name in given:
        # What else a trusted proxy says (X-Real-IP, X-Forwarded-Prefix, X-Forwarded-User) passes as it came.
        if name.title() not in fields and name != "x-request-id":
            fields["X-Real-IP" if name == "x-real-ip" else name.title()] = given[name]
    return {name: value for name, value in fields.items() if value}


cdef str _port(str scheme, str authority):
    """The port that the client asked, for X-Forwarded-Port."""
    cdef str port = authority.rpartition("]")[2].partition(":")[2]
    return port or ("443" if scheme == "https" else "80")


cdef str _node(str address):
    """An address as RFC 7239 section 6 writes it: IPv6 in brackets and quoted, anything odd quoted."""
    if address.count(":") > 1 and not address.startswith("["):
        return f'"[{address}]"'
    return address if address.replace(".", "").isalnum() and address.isascii() else _quoted(address)


cdef str _quoted(str text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


cdef str _element(str peer, str scheme, str authority):
    """One hop of Forwarded (RFC 7239 section 4). A peer without an address (a unix socket) is `unknown`."""
    cdef str element = "for=" + (_node(peer) if peer else "unknown")
    if authority:
        element += ";host=" + _quoted(authority)
    return element + ";proto=" + scheme


cdef int _write_chunk(bytes piece, bint last) except -1:
    """`piece` as a chunk, and the last chunk behind it (RFC 9112 section 7.1)."""
    if piece:
        _out.hexadecimal(PyBytes_GET_SIZE(piece))
        _out.raw(b"\r\n", 2)
        _out.raw(PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        _out.raw(b"\r\n", 2)
    if last:
        _out.raw(b"0\r\n\r\n", 5)
    return 0
