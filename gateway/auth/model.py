"""Options of authentication and authorisation, as values; the same units as in routing/model.py.

A claim path is a name, or names joined by dots for claims in claims: "realm_access.roles".
"""

from collections.abc import Iterator

from gateway.config.header_edits_model import Pairs
from gateway.config.options import Options

Scalar = str | int | float | bool


class Credential(Options, frozen=True):
    """Where a credential stands; `place` is header, cookie or query. Header names are as written."""

    place: str
    name: str


class InternalToken(Options, frozen=True):
    """A short-lived token that the gateway signs for the upstream; `key` is the file of a PEM private key."""

    header: str
    issuer: str
    audience: str
    algorithm: str
    key: str
    ttl: float


class ForwardedIdentity(Options, frozen=True):
    """What upstreams are told of a caller. `forward` is (header, claim path), `roles` the claim path of roles.

    `pass_credential` says whether the credential itself goes on to the upstream.
    """

    forward: Pairs
    roles: str
    internal: InternalToken | None
    pass_credential: bool


class Jwks(Options, frozen=True):
    """Keys at an address: asked again after `refresh`, and served for `stale` seconds after the last good answer.

    `ca` is a file of authorities to trust instead of the system's, "" = not written.
    """

    url: str
    refresh: float
    stale: float
    insecure: bool
    ca: str


class Jwt(Options, frozen=True):
    """Tokens of an issuer. Exactly one of `secret`, `keys` and `jwks` is there ("", () and None are not).

    `keys` are absolute names of files that hold PEM public keys or certificates, a JWK or a JWK set. `issuers` and
    `audiences` empty = not checked. `required` are claims that must be there, `types` what `typ` may be (lower case).
    """

    issuers: tuple[str, ...]
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    secret: str
    keys: tuple[str, ...]
    jwks: Jwks | None
    leeway: float
    required: tuple[str, ...]
    types: tuple[str, ...]
    sources: tuple[Credential, ...]


class Consumer(Options, frozen=True):
    """Who holds a key; `digest` is its SHA-256 in lower-case hex, "" for all keys that the store has for the name."""

    name: str
    digest: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    metadata: tuple[tuple[str, Scalar], ...]


class ApiKey(Options, frozen=True):
    """Keys of consumers: those written, and with `is_stored` those that `gateway keys` put into the store."""

    source: Credential
    consumers: tuple[Consumer, ...]
    is_stored: bool


class Login(Options, frozen=True):
    """Who checks a user name and a password: POST of JSON to `path` of an upstream; 200 answers with the claims."""

    upstream: str
    path: str


class Oidc(Options, frozen=True):
    """Login through an OpenID provider. `insecure` allows http; `ca` as under Jwks."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    renew_before: float
    insecure: bool
    ca: str


class Session(Options, frozen=True):
    """Browser sessions; one of `oidc` and `login` is not None. `ttl` is the whole life, `idle` the longest gap.

    The paths are served on `bind`. `csrf_header` names the header that must repeat the `csrf_cookie` with unsafe
    methods. `is_secure` False (for http on a developer's machine) leaves out Secure and the __Host- prefix.
    """

    cookie: str
    ttl: float
    idle: float
    same_site: str
    is_secure: bool
    csrf_cookie: str
    csrf_header: str
    login_path: str
    callback_path: str
    logout_path: str
    oidc: Oidc | None
    login: Login | None


class Issuer(Options, frozen=True):
    """The gateway's own tokens. `key` is a file of PEM private keys: the first signs, all are published.

    `path` is the prefix of token, refresh and revoke; `jwks_path` that of the keys.
    """

    issuer: str
    audience: str
    algorithm: str
    key: str
    access_ttl: float
    refresh_ttl: float
    login: Login | None
    leeway: float
    sources: tuple[Credential, ...]
    path: str
    jwks_path: str


class Mtls(Options, frozen=True):
    """Client certificates, verified against `server.tls.client_ca`. Empty tuples allow every verified one.

    `subjects` are RFC 4514 names, `sans` alternative names ("*.a.com" for all below), `fingerprints` SHA-256 in hex.
    """

    subjects: tuple[str, ...]
    sans: tuple[str, ...]
    fingerprints: tuple[str, ...]


Method = Jwt | ApiKey | Session | Issuer | Mtls


class Provider(Options, frozen=True):
    """One entry of `auth`: a way to know who calls. `on_store_failure` is deny, allow or local.

    deny: 503; allow: as if it were known to the provider but nothing is revoked; local: what this worker remembers.
    """

    name: str
    method: Method
    told: ForwardedIdentity
    on_store_failure: str
    where: str

    def credentials(self) -> Iterator[Credential]:
        """Where its credentials may stand, but for its own cookies."""
        yield from getattr(self.method, "sources", ())
        yield from (self.method.source,) if hasattr(self.method, "source") else ()


class Role(Options, frozen=True):
    """A role with everything that it inherits: the roles it counts as (itself first) and the scopes it gives."""

    name: str
    counts_as: tuple[str, ...]
    allow: tuple[str, ...]


class ClaimRule(Options, frozen=True):
    """What a claim must be. `kind` is equals, one_of or prefix; a value may be a template of path parameters."""

    claim: str
    kind: str
    values: tuple[Scalar, ...]


class Access(Options, frozen=True):
    """`auth` of a route: any one provider of `use`; then all `scopes`, any of `roles` and every one of `claims`.

    `is_optional` lets callers without a credential in, and then asks nothing of them.
    """

    use: tuple[str, ...]
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    claims: tuple[ClaimRule, ...]
    is_optional: bool
    where: str
