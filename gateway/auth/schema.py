"""The section `auth`: the ways to know who calls."""

from typing import Final

from gateway.auth.access_options import roles, scopes
from gateway.config.schema_parts import (
    FIELD_NAME,
    LINE,
    NAME,
    Schema,
    boolean,
    choice,
    either,
    file_name,
    listing,
    mapping,
    one_or_more,
    quantity,
    scalar,
    section,
    text,
)

METHODS: Final = ("jwt", "api_key", "session", "issuer", "mtls")
SECRET_ALGORITHMS: Final = ("HS256", "HS384", "HS512")
KEY_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
FROM: Final = "header:Authorization"
FROM_API_KEY: Final = "header:X-API-Key"
REQUIRED: Final = ("exp",)
TYPES: Final = ("JWT", "at+jwt")
OPENID: Final = ("openid",)
"""What is there when it is not written."""

_FIELD = r"[A-Za-z0-9!#\$%&'*+.^_`|~-]+"
_HEADER = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
_CLAIM = text(
    "a claim such as sub or realm_access.roles", "A claim; dots lead into claims in claims.", r"^[^\x00-\x20]+$"
)
_PLACE = text(
    "header:NAME, cookie:NAME or query:NAME", "Where the credential stands.", rf"^(header|cookie|query):{_FIELD}$"
)
_FIXED_PATH = r"^(/[A-Za-z0-9._~!\x24&'()*+,;=:@-]+)+$"


def sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    name = text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)
    return {
        "auth": mapping(
            "The ways to know who calls, by name; `routes[].auth` says which a route takes.", _provider(), name
        ),
        **roles(),
    }


def _provider() -> Schema:
    return section(
        "One way to know who calls: exactly one of jwt, api_key, session, issuer and mtls.",
        {
            "jwt": _jwt(),
            "api_key": _api_key(),
            "session": _session(),
            "issuer": _issuer(),
            "mtls": _mtls(),
            "on_store_failure": choice(
                "What callers get while the store cannot be asked: 503, trust without looking for revocations, or what "
                "this worker remembers. `deny` for sessions, else `local`, when not written.",
                *("deny", "allow", "local"),
            ),
        },
    )


def _forwarding_keys(pass_credential: bool | None) -> dict[str, Schema]:
    """What upstreams are told; the keys that all methods share. None: there is nothing to pass."""
    internal = {
        "header": {**_HEADER, "description": "The header it is sent in.", "default": "X-Gateway-Token"},
        "issuer": text("a string", "Its `iss`.", LINE, "gateway"),
        "audience": text("a string", "Its `aud`.", default=""),
        "algorithm": choice("How it is signed.", *KEY_ALGORITHMS, default="ES256"),
        "key": file_name("PEM private key."),
        "ttl": quantity("positive", "How long it is good.", "60s"),
    }
    told = {
        "forward": mapping("Claims as headers for the upstream; a client's own are removed.", _CLAIM, _HEADER),
        "roles": {**_CLAIM, "description": "The claim that holds the roles.", "default": "roles"},
        "internal_token": section("A short-lived token that the gateway signs for the upstream.", internal, ("key",)),
    }
    if pass_credential is not None:
        told["pass_credential"] = boolean("Whether the upstream gets the credential as well.", pass_credential)
    return told


def _remote() -> dict[str, Schema]:
    return {
        "insecure": boolean("Allow an address that is plain http.", False),
        "ca": file_name("PEM certificates of the authorities to trust instead of the system's."),
    }


def _login() -> Schema:
    keys = {
        "upstream": text("an upstream's name", "The upstream."),
        "path": text("a path such as /verify", "Its path.", r"^/[!\x22\x24-~]*$"),
    }
    return section(
        "Who checks passwords: gets {username, password} by POST, answers 200 with the claims.",
        keys,
        ("upstream", "path"),
    )


def _jwt() -> Schema:
    url = text("a URL such as https://id.example.com/jwks.json", "The address of the key set.", LINE)
    jwks = {
        "url": url,
        "refresh": quantity("positive", "How often it is asked for new keys.", "10m"),
        "stale": quantity("duration", "How long keys serve on after the last good answer.", "24h"),
        **_remote(),
    }
    keys = {
        "issuer": one_or_more(
            "What `iss` may be; not looked at when not written.", text("a string", "An issuer.", LINE)
        ),
        "audience": one_or_more("What `aud` must name one of.", text("a string", "An audience.", LINE)),
        "algorithms": listing(
            "How tokens may be signed; no other way counts.",
            choice("An algorithm (RFC 7518, RFC 8037).", *SECRET_ALGORITHMS, *KEY_ALGORITHMS),
            least=1,
        ),
        "secret": {**text("a string", "The secret of HS256, HS384 and HS512."), "writeOnly": True},
        "keys": one_or_more(
            "Files of public keys: PEM keys or certificates, a JWK or a JWK set.", file_name("A file.")
        ),
        "jwks": either(
            "a URL, or a mapping with `url`",
            "Where the issuer publishes its keys.",
            url,
            section("Where the issuer publishes its keys.", jwks, ("url",)),
        ),
        "leeway": quantity("duration", "How far clocks may be apart.", "30s"),
        "required": listing("Claims that must be there: exp when not written.", text("a claim", "A claim.", LINE)),
        "types": listing(
            "What the header `typ` may be: JWT and at+jwt when not written.", text("a string", "A type.", LINE), least=1
        ),
        "from": one_or_more("Where the token stands: header:Authorization when not written.", _PLACE),
        **_forwarding_keys(True),
    }
    return section("Tokens of somebody else (RFC 7519), signed.", keys, ("algorithms",))


def _api_key() -> Schema:
    line = text("a string", "Lines of name:sha256, the latter in hex; # begins a comment.")
    consumer = {
        "roles": listing("The consumer's roles.", text("a role", "A role.")),
        "scopes": scopes("The consumer's scopes."),
    }
    known = section("What is known of a consumer; any further key is a claim of theirs.", consumer)
    keys = {
        "from": {**_PLACE, "default": FROM_API_KEY},
        "keys": one_or_more("The keys' SHA-256 digests.", line),
        "stored": boolean("Whether keys in the store count, which `gateway keys` makes.", False),
        "consumers": mapping(
            "What is known of those who hold keys, by name.",
            {**known, "additionalProperties": scalar("A claim, such as plan: gold.")},
            text("a consumer's name", "A name in `keys`.", NAME),
        ),
        **_forwarding_keys(False),
    }
    return section("Keys of machines.", keys)


def _session() -> Schema:
    cookie = text("a cookie's name", "Its name; __Host- is put before it.", rf"^{_FIELD}$")
    fixed = text("a path such as /auth/login", "A fixed path on `bind`.", _FIXED_PATH)
    oidc = {
        "issuer": text("a URL such as https://id.example.com/", "The provider.", LINE),
        "client_id": text("a string", "How the provider knows the gateway.", LINE),
        "client_secret": {**text("a string", "The gateway's password there.", default=""), "writeOnly": True},
        "scopes": scopes("What is asked for: openid when not written; offline_access brings renewal."),
        "renew_before": quantity("duration", "How long before its end an access token is renewed.", "60s"),
        **_remote(),
    }
    csrf = {"cookie": {**cookie, "default": "gw_csrf"}, "header": {**_HEADER, "default": "X-CSRF-Token"}}
    paths = {name: {**fixed, "default": f"/auth/{name}"} for name in ("login", "callback", "logout")}
    keys = {
        "cookie": {**cookie, "default": "gw_session"},
        "ttl": quantity("positive", "How long a session lasts at most.", "12h"),
        "idle": quantity("positive", "How long a session lasts without a request.", "30m"),
        "same_site": choice("When browsers send the cookie along from other sites.", "lax", "strict", default="lax"),
        "secure": boolean("Send the cookie over https only; false is for trying out on one machine.", True),
        "csrf": section("The header that must repeat a cookie with unsafe methods.", csrf),
        "paths": section("Where sessions begin and end.", paths),
        "oidc": section("Log in through an OpenID provider.", oidc, ("issuer", "client_id")),
        "login": _login(),
        **_forwarding_keys(None),
    }
    return section("Sessions of browsers: data in the store, an opaque cookie outside; one of oidc and login.", keys)


def _issuer() -> Schema:
    keys = {
        "algorithm": choice("How tokens are signed.", *KEY_ALGORITHMS, default="ES256"),
        "key": file_name("PEM private keys: the first signs, the public halves of all are published."),
        "issuer": text("a string", "Their `iss`.", LINE, "gateway"),
        "audience": text("a string", "Their `aud`.", default=""),
        "access_ttl": quantity("positive", "How long an access token is good.", "10m"),
        "refresh_ttl": quantity("positive", "How long a refresh token is good.", "30d"),
        "login": _login(),
        "leeway": quantity("duration", "How far clocks may be apart.", "30s"),
        "from": one_or_more("Where the token stands: header:Authorization when not written.", _PLACE),
        "path": text("a path such as /auth", "Before /token, /refresh and /revoke.", _FIXED_PATH, "/auth"),
        "jwks_path": text("a path", "Where the public keys are.", _FIXED_PATH, "/.well-known/jwks.json"),
        **_forwarding_keys(True),
    }
    return section("Tokens of the gateway's own, with an endpoint that gives them out.", keys, ("key",))


def _mtls() -> Schema:
    name = text("a string", "A name.", LINE)
    digest = text("a SHA-256 digest in hex", "With or without colons.", r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$")
    keys = {
        "subjects": listing("Subjects (RFC 4514); any when nothing is written here.", name, least=1),
        "sans": listing("Subject alternative names, `*.example.com` for all below.", name, least=1),
        "fingerprints": listing("SHA-256 of the certificates.", digest, least=1),
        **_forwarding_keys(None),
    }
    return section("Client certificates that `server.tls.client_ca` vouches for.", keys)
