"""identity: who calls.  Any one of the route's providers may say; what upstreams are told of it no client can say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from gateway._fast.headers import Edit
from gateway.auth.caller import Authenticator
from gateway.contracts import Steps
from gateway.errors import UNAUTHENTICATED, GatewayError
from gateway.exchange import Exchange, Response

#: takes credentials out of what goes on
Hide = Callable[[Exchange], None]
#: gives a browser the way to the login instead of a 401, where the request is one that a person sees the answer of
Redirect = Callable[[Exchange], Response | None]

REALM = "gateway"


def compile(
    providers: Sequence[Authenticator],
    names: Collection[str],
    *,
    is_optional: bool,
    redirect: Redirect | None = None,
    hide: Hide | None = None,
) -> Steps:
    """The step of a route with `auth`.

    `names` are the header fields by which any provider of the configuration tells upstreams of a caller; the client's
    own are taken out.  `hide` takes out the credentials that upstreams are not to have.
    """
    return Steps(on_request=_Identity(tuple(providers), names, is_optional, redirect, hide))


def only_strip(names: Collection[str]) -> Steps:
    """The step of a route without `auth`: nobody may pose as a caller there either."""
    keys = tuple("HTTP_" + name.upper().replace("-", "_") for name in names)
    strip = Edit(sorted(name.lower() for name in names)).apply

    def on_request(exchange: Exchange) -> None:
        environ = exchange.environ
        for key in keys:
            if key in environ:
                strip(exchange.edit_headers(), ())
                return

    return Steps(on_request=on_request if keys else None)


class _Identity:
    """The hook: asks one provider after the other."""

    __slots__ = ("_apply", "_challenge", "_hide", "_is_optional", "_providers", "_redirect", "_strips")

    def __init__(
        self,
        providers: tuple[Authenticator, ...],
        names: Collection[str],
        is_optional: bool,
        redirect: Redirect | None,
        hide: Hide | None,
    ) -> None:
        self._providers = providers
        self._is_optional = is_optional
        self._redirect = redirect
        self._hide = hide
        self._apply = Edit(sorted({name.lower() for name in names})).apply
        self._strips = bool(names)
        schemes = dict.fromkeys(each.scheme for each in providers if each.scheme)
        self._challenge = tuple(("WWW-Authenticate", f'{scheme} realm="{REALM}"') for scheme in schemes)

    def __call__(self, exchange: Exchange) -> Response | None:
        failure: GatewayError | None = None
        for provider in self._providers:
            try:
                caller = provider.identify(exchange)
            except GatewayError as error:
                failure = _weightier(failure, error)
                continue
            if caller is not None:
                exchange.caller = caller
                # Hidden first: what upstreams are told may stand where the credential stood.
                if self._hide is not None:
                    self._hide(exchange)
                if self._strips:
                    self._apply(exchange.edit_headers(), caller.headers())
                return None
        if self._strips:
            self._apply(exchange.edit_headers(), ())
        return self._nobody(exchange, failure)

    def _nobody(self, exchange: Exchange, failure: GatewayError | None) -> Response | None:
        """Without a caller: on, where that is allowed; to the login; or no further."""
        # A session that is over makes a stranger of its caller; a token that is not good is no stranger's.
        if self._is_optional and (failure is None or failure.kind is UNAUTHENTICATED):
            return None
        if self._redirect is not None and (failure is None or failure.kind.status == 401):
            response = self._redirect(exchange)
            if response is not None:
                return response
        if failure is None:
            failure = GatewayError(
                UNAUTHENTICATED, "The route is for callers whom the gateway knows.", headers=self._challenge
            )
        raise failure


def _weightier(one: GatewayError | None, other: GatewayError) -> GatewayError:
    """Which of two failures is told: one that may pass (503) before one that will not, else the first."""
    if one is None or one.kind.status < 500 <= other.kind.status:
        return other
    return one
