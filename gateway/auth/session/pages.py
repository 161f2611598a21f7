"""Pages of a browser session: the login, the way back from the provider, the logout."""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Final

from gateway.auth.endpoint import Endpoint
from gateway.auth.issuer.pages import OAuthError, read_parameters
from gateway.auth.model import Session
from gateway.auth.oidc.password import LoginRefused, PasswordLogin
from gateway.auth.session import cookies
from gateway.auth.session.csrf import check_origin, check_site, check_token, own_origin
from gateway.auth.session.refresh import RefusedError
from gateway.auth.session.return_to import query_value, redirect, requested_path
from gateway.auth.session.store import Entry, Sessions, Tokens
from gateway.contracts import Fetch
from gateway.errors import INVALID_TOKEN, LOGIN_FAILED, MALFORMED_REQUEST, STORE_UNAVAILABLE, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.state.store import StoreError

if TYPE_CHECKING:  # PERF: no oauthlib where a password is all that is asked for
    from gateway.auth.oidc.client import OpenIdClient
    from gateway.auth.oidc.pending_logins import PendingLogins

log = logging.getLogger("gateway")

CODE_MAX: Final = 4096  # characters
FORM_TOKEN: Final = "csrf_token"  # noqa: S105 - the name of a form's field
_PAGE_POLICY: Final = "default-src 'none'"
_FORMS: Final = "application/x-www-form-urlencoded"


class SessionPages:
    """The pages of one provider; exactly one of `client` (with `logins`) and `password` is there."""

    __slots__ = ("_client", "_cookies", "_logins", "_password", "_sessions", "_spec")

    def __init__(
        self,
        sessions: Sessions,
        spec: Session,
        *,
        client: OpenIdClient | None = None,
        logins: PendingLogins | None = None,
        password: PasswordLogin | None = None,
    ) -> None:
        self._sessions = sessions
        self._spec = spec
        self._cookies = cookies.SessionCookies(spec)
        self._client = client
        self._logins = logins
        self._password = password

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The routes that they become."""
        name, spec = self._sessions.provider, self._spec
        logout = Endpoint(f"{name}-logout", ("POST",), spec.logout_path, _guarded(self.log_out))
        if self._password is not None:
            return Endpoint(f"{name}-login", ("POST",), spec.login_path, _guarded(self.log_in)), logout
        return (
            Endpoint(f"{name}-login", ("GET",), spec.login_path, _guarded(self.ask_provider)),
            Endpoint(f"{name}-callback", ("GET",), spec.callback_path, _guarded(self.come_back)),
            logout,
        )

    def ask_provider(self, exchange: Exchange) -> Response:
        """GET of the login: to the provider."""
        assert self._logins is not None
        bound = cookies.read(exchange.headers, self._cookies.login)
        redirect_uri = own_origin(exchange) + self._spec.callback_path
        location, binding = self._logins.begin(redirect_uri, requested_path(exchange), bound)
        return redirect(302, location, [self._cookies.login_begun(binding)])

    def come_back(self, exchange: Exchange) -> Response:
        """GET of the callback: the provider's answer, brought by the browser."""
        assert self._client is not None and self._logins is not None
        query = exchange.query
        state, binding = query_value(query, "state"), cookies.read(exchange.headers, self._cookies.login)
        pending = self._logins.take(state, binding)
        if pending is None and binding is None and self._present(exchange) is not None:
            # Another tab came back first, which ended the binding: its session is this one's too.
            return _leave(self._spec.same_site, self._logins.wanted(state), [])
        if pending is None:
            raise GatewayError(LOGIN_FAILED, "The login took too long or was begun elsewhere; begin it again.")
        if not self._client.is_answerer(query_value(query, "iss")):
            raise self._failed("the answer is another provider's")
        code = query_value(query, "code")
        if query_value(query, "error") or not 0 < len(code) <= CODE_MAX:
            raise self._failed("the provider gave no code")
        try:
            tokens, claims = self._client.redeem(code, pending.asked)
        except (RefusedError, GatewayError) as error:
            if isinstance(error, GatewayError) and error.kind is not INVALID_TOKEN:
                raise
            raise self._failed(getattr(error, "cause", None) or error) from error
        fields = self._begin(exchange, claims, tokens)
        return _leave(self._spec.same_site, pending.return_to, fields)

    def log_in(self, exchange: Exchange) -> Response:
        """POST of the login: a user name and a password, as a form or JSON."""
        assert self._password is not None
        check_site(exchange)
        parameters = _parameters(exchange)
        username, password = parameters.get("username"), parameters.get("password")
        if not username or not password:
            raise GatewayError(MALFORMED_REQUEST, "The login wants username and password.")
        try:
            claims = self._password.claims(exchange, username, password)
        except LoginRefused:
            raise GatewayError(LOGIN_FAILED, "The user name or the password is wrong.") from None
        fields = self._begin(exchange, claims, None)
        if _is_form(exchange):
            return redirect(303, requested_path(exchange), fields)
        return Response(204, [("Cache-Control", "no-store"), *fields])

    def log_out(self, exchange: Exchange) -> Response:
        """POST of the logout: ends the session, with `?everywhere=true` all of its subject's.

        A form is led on to the provider to end its session too; scripts get a 204.
        """
        check_origin(exchange)
        entry = self._present(exchange)
        fields = self._cookies.over()
        if entry is None:
            check_site(exchange)
        else:
            token = exchange.header(self._spec.csrf_header.lower())
            check_token(token if token is not None else _form_token(exchange), entry.session.csrf)
            if query_value(exchange.query, "everywhere") == "true":
                self._sessions.end_everywhere(entry.session.subject)
            self._sessions.end(entry.key)
        if not _is_form(exchange):
            return Response(204, [("Cache-Control", "no-store"), *fields])
        return redirect(303, self._logout_url(entry) or requested_path(exchange), fields)

    def _begin(self, exchange: Exchange, claims: dict[str, Any], tokens: Tokens | None) -> Headers:
        """A new session in place of the one that the browser has; the fields that tell the browser."""
        before = self._present(exchange)
        value, entry = self._sessions.begin(claims["sub"], claims, tokens)
        if before is not None:
            self._sessions.end(before.key)
        return self._cookies.begun(value, entry.session.csrf)

    def _present(self, exchange: Exchange) -> Entry | None:
        value = cookies.read(exchange.headers, self._cookies.session)
        return None if value is None else self._sessions.find(value)

    def _logout_url(self, entry: Entry | None) -> str | None:
        """The provider's own logout; None when there is none, or it cannot be asked where that is."""
        if self._client is None or entry is None or entry.session.tokens is None:
            return None
        try:
            return self._client.logout_url(entry.session.tokens.id_token)
        except GatewayError:
            return None  # logged out here in any case

    def _failed(self, why: object) -> GatewayError:
        log.warning("a login at %s failed: %s", self._sessions.provider, why)
        detail = "The provider did not log anybody in."
        return GatewayError(LOGIN_FAILED, detail, headers=(self._cookies.login_over(),), cause=str(why))


def _guarded(page: Callable[[Exchange], Response]) -> Fetch:
    """A page whose store may fail."""

    def fetch(exchange: Exchange) -> Response:
        try:
            return page(exchange)
        except StoreError as error:
            raise GatewayError(STORE_UNAVAILABLE, "Sessions cannot be kept now.", cause=error) from error

    return fetch


def _leave(same_site: str, path: str, fields: Headers) -> Response:
    """On to the page that was wanted.

    NOTE: browsers send no SameSite=Strict cookie along redirects that another site began, and this one began at the
    provider; a page of ours that leads on is a beginning of its own.
    """
    if same_site.lower() != "strict":
        return redirect(303, path, fields)
    page = f'<!doctype html><title>Logged in</title><meta http-equiv="refresh" content="0;url={escape(path)}">'
    fixed: Headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", _PAGE_POLICY),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Response(200, [*fixed, *fields], page.encode())


def _is_form(exchange: Exchange) -> bool:
    """Whether a page's form was sent: the browser shows the answer."""
    return (exchange.header("content-type") or "").partition(";")[0].strip().lower() == _FORMS


def _form_token(exchange: Exchange) -> str | None:
    """The session's token from a form, which can send no header."""
    return _parameters(exchange).get(FORM_TOKEN) if _is_form(exchange) and exchange.body is not None else None


def _parameters(exchange: Exchange) -> dict[str, str]:
    try:
        return read_parameters(exchange)
    except OAuthError as error:
        raise GatewayError(MALFORMED_REQUEST, error.description) from None
