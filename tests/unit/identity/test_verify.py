"""What a verifier asks of the claims where it is told to, and of whom it asks for keys."""

from math import inf

import pytest

from gateway.auth.jwt.keys import StaticKeys, parse_keys, secret_key
from gateway.auth.jwt.verify import TRIES_MAX, Verifier
from gateway.errors import IDENTITY_UNAVAILABLE, GatewayError
from tests.support.jose import NOW, SECRET, NoKeys, claims, make, private_key, public_pem, signing, spec, token

RSA = StaticKeys(parse_keys(public_pem("RSA")))


class Asked:
    """Keys that remember what was asked of them."""

    epoch = 7

    def __init__(self, *keys):
        self.keys, self.asked = keys, []

    def find(self, kid, algorithm):
        self.asked.append((kid, algorithm))
        return self.keys


def is_good(made, now=NOW, keys=RSA, **changed):
    try:
        Verifier(spec(**changed), keys, clock=lambda: now).verify(made)
    except GatewayError:
        return False
    return True


def why(made, **changed):
    with pytest.raises(GatewayError) as raised:
        Verifier(spec(**changed), RSA, clock=lambda: NOW).verify(made)
    return raised.value.cause


def test_gives_the_claims():
    assert Verifier(spec(), RSA, clock=lambda: NOW).verify(token(tenant="acme")) == claims(tenant="acme")


def test_what_is_not_asked_is_not_checked():
    assert is_good(token(iss=None, aud=None, exp=None), issuers=(), audiences=(), required=())
    assert is_good(token(iss="anybody", aud="anything"), issuers=(), audiences=())
    assert not is_good(token(iss=["anybody"]), issuers=())
    assert not is_good(token(exp="never"), required=())


def test_any_of_several_issuers_and_audiences():
    several = {"issuers": ("https://a.test", "https://b.test"), "audiences": ("x", "y")}
    assert is_good(token(iss="https://b.test", aud=["z", "y"]), **several)
    assert not is_good(token(iss="https://c.test", aud="x"), **several)
    assert not is_good(token(iss="https://a.test", aud="z"), **several)


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}])
def test_required_claims_are_there_and_not_null(value):
    made = make({"alg": "RS256"}, {**claims(), "tenant": value}, signing("RS256"))
    assert is_good(made, required=("exp", "tenant")) is (value is not None)
    assert not is_good(token(), required=("tenant",))


@pytest.mark.parametrize(
    ("leeway", "late", "is_in_time"), [(0, -1, True), (0, 0, False), (30, 29, True), (30, 30, False)]
)
def test_the_end_and_the_leeway(leeway, late, is_in_time):
    assert is_good(token(exp=NOW), now=NOW + late, leeway=float(leeway)) is is_in_time
    until = Verifier(spec(leeway=float(leeway)), RSA).until({"exp": NOW})
    assert (NOW + late < until) is is_in_time


def test_a_token_without_end_has_none():
    assert Verifier(spec(), RSA).until({}) == inf


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt", None])
def test_types(typ):
    made = make({"alg": "RS256", **({"typ": typ} if typ else {})}, claims(), signing("RS256"))
    assert is_good(made)
    assert is_good(made, types=("JWT",))
    assert not is_good(made, types=("at+jwt",))  # RFC 9068 section 4: an ID token often has no `typ`
    assert is_good(make({"alg": "RS256", "typ": "secevent+jwt"}, claims(), signing("RS256")), types=("secevent+jwt",))


def test_keys_are_asked_for_by_id_and_algorithm():
    keys = Asked(*parse_keys(public_pem("RSA")))
    verifier = Verifier(spec(), keys, clock=lambda: NOW)
    verifier.verify(token(header={"kid": "a"}))
    verifier.verify(token())
    assert keys.asked == [("a", "RS256"), (None, "RS256")]
    assert verifier.epoch == 7


@pytest.mark.parametrize("changed", [{"exp": NOW - 100}, {"iss": "https://evil.test"}, {"aud": "x"}, {"sub": 1}])
def test_no_key_is_looked_for_where_the_claims_are_not_good(changed):
    keys = Asked()
    assert not is_good(token(header={"kid": "unknown"}, **changed), keys=keys)
    assert not is_good("a.b.c", keys=keys)
    assert keys.asked == []


def test_one_of_several_keys_is_enough_but_not_all_are_tried():
    good, (other,) = parse_keys(public_pem("RSA")), parse_keys(public_pem("RSA-other"))
    assert is_good(token(), keys=Asked(other, other, *good))
    assert is_good(token(), keys=Asked(*[other] * (TRIES_MAX - 1), *good))
    assert not is_good(token(), keys=Asked(*[other] * TRIES_MAX, *good))
    assert not is_good(token(), keys=Asked())


def test_keys_out_of_reach_are_another_failure():
    with pytest.raises(GatewayError) as raised:
        Verifier(spec(), NoKeys(), clock=lambda: NOW).verify(token())
    assert raised.value.kind is IDENTITY_UNAVAILABLE


def test_the_log_gets_the_reason():
    assert why(token(exp=1)) == "it has expired"
    assert why(token(aud="x")) == "it is for another audience"
    assert why(token(header={"crit": ["a"]})) == "the header has crit"
    assert (
        why(make({"alg": "RS256"}, claims(), signing("RS256", private_key("RSA-other"))))
        == "the signature is not right"
    )
    assert why(token("ES256"), algorithms=("ES256",)) == "there is no key for it"


@pytest.mark.parametrize("name", ["none", "HS1", "ES256K", "RSA-OAEP", "rs256", ""])
def test_algorithms_that_are_not_supported(name):
    with pytest.raises(ValueError, match="is not one of"):
        Verifier(spec(algorithms=("RS256", name)), RSA)


def test_hs512_wants_a_long_secret():
    made = make({"alg": "HS512"}, claims(), signing("HS512", SECRET[:32]))
    assert not is_good(made, algorithms=("HS512",), keys=StaticKeys([secret_key(SECRET[:32])]))
    made = make({"alg": "HS512"}, claims(), signing("HS512", SECRET))
    assert is_good(made, algorithms=("HS512",), keys=StaticKeys([secret_key(SECRET)]))
