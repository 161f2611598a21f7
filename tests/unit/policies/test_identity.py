"""Who calls: one provider after the other, and no client can pose as one that was vouched for."""

from __future__ import annotations

import pytest

from gateway import errors
from gateway.auth import authenticate as identity
from gateway.auth.caller import Caller
from gateway.auth.model import Credential
from gateway.auth.strip_credentials import strip_credentials
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from tests.exchanges import exchange

ALICE = Caller("staff", "alice", {"sub": "alice"}, forward=[("X-User", "alice")])
BAD = GatewayError(errors.INVALID_TOKEN, "no", headers=(("WWW-Authenticate", 'Bearer error="invalid_token"'),))
DOWN = GatewayError(errors.IDENTITY_UNAVAILABLE, "later")


class Provider:
    """Says what it was told to say, and counts how often it is asked."""

    def __init__(self, says: Caller | GatewayError | None, scheme: str = "Bearer") -> None:
        self.name, self.scheme, self.says, self.asked = "staff", scheme, says, 0

    def identify(self, exchange: Exchange) -> Caller | None:
        self.asked += 1
        if isinstance(self.says, GatewayError):
            raise self.says
        return self.says


def walk(*providers: Provider, asked: Exchange | None = None, names=("X-User",), **options) -> Exchange | Response:
    asked = asked or exchange()
    options.setdefault("is_optional", False)
    hook = identity.compile(providers, names, **options).on_request
    assert hook is not None
    return hook(asked) or asked


def refusal(*providers: Provider, **options) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        walk(*providers, **options)
    return caught.value


def test_the_first_that_knows_the_caller_is_believed_and_no_other_asked() -> None:
    one, two, three = Provider(None), Provider(ALICE), Provider(None)
    asked = walk(one, two, three)
    assert isinstance(asked, Exchange) and asked.caller is ALICE
    assert (one.asked, two.asked, three.asked) == (1, 1, 0)


def test_a_credential_that_one_refuses_may_be_another_s() -> None:
    asked = walk(Provider(BAD), Provider(ALICE))
    assert isinstance(asked, Exchange) and asked.caller is ALICE
    asked = walk(Provider(DOWN), Provider(ALICE))
    assert isinstance(asked, Exchange) and asked.caller is ALICE


def test_without_a_credential_each_way_to_bring_one_is_named() -> None:
    error = refusal(Provider(None), Provider(None, "ApiKey"), Provider(None, ""), Provider(None))
    assert error.kind is errors.UNAUTHENTICATED and error.kind.status == 401
    challenges = [("WWW-Authenticate", 'Bearer realm="gateway"'), ("WWW-Authenticate", 'ApiKey realm="gateway"')]
    assert list(error.headers) == challenges


def test_what_may_pass_weighs_more_than_what_will_not() -> None:
    assert refusal(Provider(BAD), Provider(DOWN)) is DOWN
    assert refusal(Provider(DOWN), Provider(BAD)) is DOWN
    assert refusal(Provider(BAD), Provider(None)) is BAD


def test_strangers_where_they_may_come_in() -> None:
    asked = walk(Provider(None), is_optional=True)
    assert isinstance(asked, Exchange) and asked.caller is None
    over = GatewayError(errors.UNAUTHENTICATED, "the session is over")
    asked = walk(Provider(over), is_optional=True)
    assert isinstance(asked, Exchange) and asked.caller is None
    assert refusal(Provider(over)) is over
    assert refusal(Provider(BAD), is_optional=True) is BAD, "but not with a credential that is not good"


FORGED = [("x-user", "root"), ("X-USER", "root"), ("Accept", "*/*")]


@pytest.mark.parametrize("says", [ALICE, None])
def test_what_upstreams_are_told_of_a_caller_is_never_the_client_s_word(says: Caller | None) -> None:
    asked = walk(Provider(says), asked=exchange(headers=list(FORGED)), is_optional=True)
    assert isinstance(asked, Exchange)
    assert asked.outgoing == [("Accept", "*/*"), *(says.forward if says else ())]
    assert asked.headers == FORGED, "the request stays as it came, for the log"


def test_the_client_s_word_is_not_heard_on_routes_without_auth_either() -> None:
    hook = identity.only_strip(("X-User", "X-Scopes")).on_request
    assert hook is not None
    plain, forged = exchange(headers=[("Accept", "*/*")]), exchange(headers=list(FORGED))
    forged.environ["HTTP_X_USER"] = "root,root"
    hook(plain)
    hook(forged)
    assert plain.outgoing is None and forged.outgoing == [("Accept", "*/*")]
    assert identity.only_strip(()).on_request is None, "and costs nothing where nothing is told"


def test_a_person_is_sent_to_the_login_where_there_is_one() -> None:
    login = Response(302, [("Location", "/auth/login")])
    ways = {"redirect": lambda exchange: login if exchange.header("accept") == "text/html" else None}
    browser = exchange(headers=[("Accept", "text/html")])
    assert walk(Provider(None), asked=browser, **ways) is login
    assert walk(Provider(BAD), asked=browser, **ways) is login
    assert refusal(Provider(DOWN), asked=browser, **ways) is DOWN
    assert refusal(Provider(None), **ways).kind is errors.UNAUTHENTICATED


def test_what_the_gateway_says_in_the_credential_s_place_is_not_hidden_with_it() -> None:
    told = Caller("staff", "alice", {}, forward=[("Authorization", "Bearer of-the-gateway")])
    asked = exchange(headers=[("Authorization", "Bearer of-the-client"), ("X", "1")])
    hide = strip_credentials([Credential("header", "Authorization")])
    walk(Provider(told), asked=asked, names=("Authorization",), hide=hide)
    assert asked.outgoing == [("X", "1"), ("Authorization", "Bearer of-the-gateway")]
