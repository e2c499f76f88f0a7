"""Who is let in: proofs, what they prove, what is permitted, and for how long that is remembered."""

from __future__ import annotations

import pytest

from fla_gateway.access.authentication.api_key import PREFIX, digest, new_key
from fla_gateway.access.authentication.authenticator import LONGEST_REMEMBERED, Authenticator, Identity
from fla_gateway.access.authentication.caller import Admission, Peer, Presented
from fla_gateway.access.authentication.proofs import known_digest
from fla_gateway.access.bounded_cache import MemoryLimit
from fla_gateway.access.refusal import Refusal
from fla_gateway.config.schema import ApiKey, CallerTable
from fla_gateway.i18n.message import Text
from fla_gateway.secret import Secret
from tests.support.tokens import HandClock

# Written down, not drawn: they stand in the names of tests, which must be the same in every worker.
KEY, SECOND, OTHER = (PREFIX + two * 32 for two in ("1a", "2b", "3c"))
TOKEN = "eyJhbGciOiJSUzI1NiJ9.canary.canary"
WALL = 1_800_000_000.0
OVERFLOW = 65_534
ALLOW = {"employer": ["GET /REST/dimona/v2/**", "POST /REST/dimona/v2/declarations"]}
PATH = b"/REST/dimona/v2/declarations"


class SteppingClock(HandClock):
    """A clock whose wall time can be set by somebody, as on any host."""

    def step(self, seconds: float) -> None:
        self._wall += seconds


class Cluster:
    """Stands in for the verification of service-account tokens; says what it is told to."""

    def __init__(self, answer: tuple[str, float] | Refusal) -> None:
        self.answer = answer
        self.asked: list[tuple[str, float]] = []

    def verify(self, token: Secret, now: float) -> tuple[str, float] | Refusal:
        self.asked.append((token.reveal(), now))
        return self.answer


def table(**members):
    """Make a caller's table; `keys` are keys, or pairs of key and expiry."""
    keys = [key if isinstance(key, tuple) else (key, None) for key in members.pop("keys", ())]
    return CallerTable(
        keys=[ApiKey(sha256=digest(key), expires=expires) for key, expires in keys],
        allow=members.pop("allow", ALLOW),
        **members,
    )


def admissions(*, cluster=None, clock=None, memory=None, **callers):
    """Make the admissions of these callers."""
    return Authenticator(callers, cluster, clock or SteppingClock(wall=WALL), OVERFLOW, OVERFLOW, memory)


def key(text):
    """Show a key."""
    return Presented(key_sha256=digest(text))


def identified(found):
    """Give caller and proof, or the code of the refusal."""
    return found.code if isinstance(found, Refusal) else (found.name, found.proof)


def proof_of(text):
    """Write how a key is named as a proof."""
    return f"key:{digest(text)[:8]}"


@pytest.mark.parametrize("shown", [KEY, SECOND])
def test_any_key_of_a_caller_proves_him(shown):
    """Each of a caller's keys proves him, so that keys can be rotated, and the proof names the key by its digest."""
    found = admissions(erp=table(keys=[KEY, SECOND]), hr=table(keys=[OTHER])).identify(key(shown), None, 0.0)
    assert identified(found) == ("erp", proof_of(shown))


def test_an_identity_has_an_admission_without_a_rule():
    """What is recorded of a request that is refused later names the caller and his proof."""
    found = admissions(erp=table(keys=[KEY])).identify(key(KEY), None, 0.0)
    assert isinstance(found, Identity)
    assert found.admission == Admission("erp", proof_of(KEY), "", observed=False)


def test_a_digest_is_known_as_a_whole():
    """One that differs in its last digit alone is not known, however much of it is alike."""
    known = [digest(KEY), digest(SECOND)]
    other = "0" if known[1][-1] != "0" else "1"
    assert known_digest(known, known[1]) == known[1]
    assert known_digest(known, known[1][:-1] + other) is None


def test_an_unreadable_credential_is_refused_where_the_connection_has_proven_its_caller_before():
    """It is never passed over as if nothing had been shown, nor answered from what a request without one proved."""
    them = admissions(batch=table(uid=1001))
    assert identified(them.identify(None, Peer(uid=1001), 0.0)) == ("batch", "uid:1001")
    assert identified(them.identify(Presented(), Peer(uid=1001), 1.0)) == "credentials-refused"


CALLERS = {
    "erp": table(keys=[KEY]),
    "batch": table(uid=1001),
    "team": table(gid=200),
    "nightly": table(uid=1001, gid=300),
    "locked": table(uid=1002, keys=[SECOND]),
    "far": table(certificate_names=["erp.example", "spiffe://erp"]),
    "mirror": table(certificate_names=["mirror.example"]),
    "pinned": table(certificate_names=["hr.example"], keys=[OTHER]),
    "nobody": table(uid=OVERFLOW),
    "nogroup": table(gid=OVERFLOW),
}


@pytest.mark.parametrize(
    ("shown", "peer", "expected"),
    [
        (None, None, "credentials-missing"),
        (None, Peer(), "credentials-missing"),
        (None, Peer(uid=1001), ("batch", "uid:1001")),
        (None, Peer(uid=1001, gid=1001), ("batch", "uid:1001")),
        (None, Peer(uid=4000, gid=200), ("team", "gid:200")),
        # The one with most kinds of proof is meant.
        (None, Peer(uid=1001, gid=300), ("nightly", "uid:1001+gid:300")),
        (None, Peer(uid=1, gid=300), "credentials-missing"),
        # Equally many: a user is more than a group.
        (None, Peer(uid=1001, gid=200), ("batch", "uid:1001")),
        (None, Peer(uid=0, gid=0), "credentials-missing"),
        (None, Peer(uid=OVERFLOW, gid=OVERFLOW), "credentials-missing"),
        (None, Peer(uid=OVERFLOW, gid=200), ("team", "gid:200")),
        # Both are needed.
        (None, Peer(uid=1002), "credentials-missing"),
        (SECOND, Peer(uid=1002), ("locked", f"{proof_of(SECOND)}+uid:1002")),
        (SECOND, Peer(uid=1001), "credentials-refused"),
        (SECOND, None, "credentials-refused"),
        # A credential that is shown counts, also where the user id alone would do.
        (KEY, None, ("erp", proof_of(KEY))),
        (KEY, Peer(uid=1001), ("erp", proof_of(KEY))),
        ("flagw_wrong", None, "credentials-refused"),
        ("flagw_wrong", Peer(uid=1001), "credentials-refused"),
        (None, Peer(certificate_names=frozenset({"x", "erp.example"})), ("far", "certificate:erp.example")),
        (None, Peer(certificate_names=frozenset({"spiffe://erp"})), ("far", "certificate:spiffe://erp")),
        # Equally good: nobody is guessed.
        (None, Peer(certificate_names=frozenset({"erp.example", "mirror.example"})), "credentials-missing"),
        (None, Peer(certificate_names=frozenset({"sub.erp.example"})), "credentials-missing"),
        (None, Peer(certificate_names=frozenset({"hr.example"})), "credentials-missing"),
        (OTHER, Peer(certificate_names=frozenset({"hr.example"})),
         ("pinned", f"{proof_of(OTHER)}+certificate:hr.example")),
        (OTHER, Peer(certificate_names=frozenset({"erp.example"})), "credentials-refused"),
        (OTHER, None, "credentials-refused"),
    ],
)  # fmt: skip
def test_who_is_proven(shown, peer, expected):
    """A caller is proven if every kind of proof he needs is there, and the credential that is shown is his."""
    found = admissions(**CALLERS).identify(None if shown is None else key(shown), peer, 0.0)
    assert identified(found) == expected


@pytest.mark.parametrize("peer", [None, Peer(uid=1001)])
def test_a_credential_without_a_form_is_refused(peer):
    """What is no key and no token is refused, and not passed over for a user id that would do."""
    assert identified(admissions(**CALLERS).identify(Presented(), peer, 0.0)) == "credentials-refused"


def test_a_caller_of_whom_nothing_is_asked_is_nobody():
    """A table without any proof, which is a fault elsewhere, lets nobody in."""
    found = admissions(open=table()).identify(None, Peer(uid=1, gid=1), 0.0)
    assert identified(found) == "credentials-missing"


def test_refusals_do_not_tell_which_of_them():
    """Unknown, expired and incomplete proofs get the same words, which name no caller and repeat no credential."""
    callers = admissions(payroll=table(keys=[(KEY, WALL - 1)]), locked=table(keys=[SECOND], uid=7))
    refusals = {callers.identify(shown, None, 0.0) for shown in (key(KEY), key(SECOND), key(OTHER), Presented())}
    refusals.add(callers.identify(Presented(token=Secret(TOKEN)), None, 0.0))
    (refusal,) = refusals
    assert isinstance(refusal, Refusal)
    for canary in ("payroll", "locked", KEY, digest(KEY), digest(KEY)[:8], "canary"):
        assert canary not in str(refusal)


def test_a_key_expires_on_time():
    """A key is good up to its moment and not from then on, also where it has been used before."""
    clock = SteppingClock(wall=WALL)
    callers = admissions(clock=clock, erp=table(keys=[(KEY, WALL + 10)]))
    assert identified(callers.identify(key(KEY), None, clock.monotonic())) == ("erp", proof_of(KEY))
    clock.advance(9.9)
    assert identified(callers.identify(key(KEY), None, clock.monotonic())) == ("erp", proof_of(KEY))
    clock.advance(0.1)
    assert identified(callers.identify(key(KEY), None, clock.monotonic())) == "credentials-refused"


CERTIFIED = Peer(certificate_names=frozenset({"erp.example"}), not_before=WALL - 10, not_after=WALL + 10)


@pytest.mark.parametrize(
    ("seconds", "proven"), [(-10.1, False), (-10, True), (0, True), (9.9, True), (10.1, False), (86_400, False)]
)
@pytest.mark.parametrize(("shown", "keys"), [(None, []), (KEY, [KEY])])
def test_a_certificate_proves_within_its_validity(seconds, proven, shown, keys):
    """Before its beginning and after its end its names prove nobody, alone and beside a key that is asked for too."""
    callers = admissions(
        clock=SteppingClock(wall=WALL + seconds), far=table(certificate_names=["erp.example"], keys=keys)
    )
    found = callers.identify(None if shown is None else key(shown), CERTIFIED, 0.0)
    assert isinstance(found, Identity) is proven


def test_a_certificate_is_not_remembered_beyond_its_end():
    """On a connection that stays open the first request after the end is refused, however lately one was let in."""
    clock = SteppingClock(wall=WALL)
    callers = admissions(clock=clock, far=table(certificate_names=["erp.example"]))
    assert isinstance(callers.identify(None, CERTIFIED, clock.monotonic()), Identity)
    assert callers.trusted_until(None, CERTIFIED) == clock.monotonic() + 10
    clock.advance(9.9)
    assert isinstance(callers.identify(None, CERTIFIED, clock.monotonic()), Identity)
    clock.advance(0.2)
    assert identified(callers.identify(None, CERTIFIED, clock.monotonic())) == "credentials-missing"


def test_an_old_certificate_does_no_harm_beside_a_key_that_suffices():
    """Who is proven by a key alone is so with any certificate, and for longer than that lasts."""
    clock = SteppingClock(wall=WALL + 11)
    callers = admissions(clock=clock, erp=table(keys=[KEY]), far=table(certificate_names=["erp.example"]))
    assert identified(callers.identify(key(KEY), CERTIFIED, clock.monotonic())) == ("erp", proof_of(KEY))
    assert callers.trusted_until(key(KEY), CERTIFIED) == clock.monotonic() + 60


def test_a_key_that_is_there_twice_lives_longer():
    """Of two entries with the same key the longer life counts."""
    callers = admissions(erp=table(keys=[(KEY, WALL - 1), (KEY, WALL + 1)]))
    assert identified(callers.identify(key(KEY), None, 0.0)) == ("erp", proof_of(KEY))


def test_a_step_of_the_clock_is_noticed_within_a_minute():
    """What was judged by a clock that has been set since is judged anew after a minute, in both directions."""
    clock = SteppingClock(wall=WALL)
    callers = admissions(clock=clock, erp=table(keys=[(KEY, WALL + 86_400)]))
    callers.identify(key(KEY), None, clock.monotonic())
    clock.step(2 * 86_400)
    clock.advance(60)
    assert identified(callers.identify(key(KEY), None, clock.monotonic())) == "credentials-refused"
    clock.step(-2 * 86_400)
    assert identified(callers.identify(key(KEY), None, clock.monotonic())) == ("erp", proof_of(KEY))


def test_an_identity_is_one_object():
    """The same caller by the same proof is the same object, however often he is judged and over whatever connection."""
    clock = SteppingClock(wall=WALL)
    callers = admissions(clock=clock, erp=table(keys=[KEY]))
    first = callers.identify(key(KEY), None, clock.monotonic())
    clock.advance(61)
    assert callers.identify(key(KEY), Peer(uid=5), clock.monotonic()) is first


def test_a_wrong_key_leaves_nothing_behind():
    """Refused credentials are not remembered: no stranger fills the memory."""
    callers = admissions(erp=table(keys=[KEY]))
    for _ in range(10):
        callers.identify(key(new_key()), None, 0.0)
    assert callers._known == {}


@pytest.mark.parametrize("names", [0, 100])
def test_what_is_remembered_of_callers_is_bounded(names):
    """Thousands of ways to connect push the oldest out, whatever their certificates hold; all are still known."""
    memory = MemoryLimit(1_000_000)
    callers = admissions(memory=memory, erp=table(keys=[KEY]))
    for uid in range(2_000):
        peer = Peer(uid=uid, certificate_names=frozenset(f"{number:0100}" for number in range(names)))
        assert identified(callers.identify(key(KEY), peer, 0.0)) == ("erp", proof_of(KEY))
        assert memory.used <= 1_000_000
    assert 10 < len(callers._known) < 1_000_000 / (700 + 100 * names)


class TestServiceAccounts:
    def test_a_verified_token_proves_its_service_account(self):
        """The caller with the token's service account is proven; the verifier gets the wall clock's time."""
        cluster = Cluster(("payroll/erp", WALL + 600))
        callers = admissions(cluster=cluster, pod=table(service_account="payroll/erp"))
        found = callers.identify(Presented(token=Secret(TOKEN)), None, 0.0)
        assert identified(found) == ("pod", "service-account:payroll/erp")
        assert cluster.asked == [(TOKEN, WALL)]

    @pytest.mark.parametrize("answer", [("payroll/other", WALL + 600), ("payroll/erp", WALL)])
    def test_another_account_or_an_old_token_proves_nobody(self, answer):
        """A token of another account is no proof, and neither is one whose time is over."""
        callers = admissions(cluster=Cluster(answer), pod=table(service_account="payroll/erp"), batch=table(uid=1))
        found = callers.identify(Presented(token=Secret(TOKEN)), Peer(uid=1), 0.0)
        assert identified(found) == "credentials-refused"

    def test_tokens_are_refused_where_none_are_accepted(self):
        """Without a cluster in the configuration a token proves nobody."""
        found = admissions(pod=table(service_account="payroll/erp")).identify(Presented(token=Secret(TOKEN)), None, 0.0)
        assert identified(found) == "credentials-refused"

    def test_what_is_wrong_with_a_token_is_not_told(self):
        """The verifier's reason for refusing a token stays inside."""
        cluster = Cluster(Refusal("credentials-refused", Text("canary: wrong audience")))
        found = admissions(cluster=cluster, pod=table(service_account="a/b")).identify(
            Presented(token=Secret(TOKEN)), None, 0.0
        )
        assert identified(found) == "credentials-refused"
        assert "canary" not in str(found)

    def test_that_nobody_can_be_verified_is_told(self):
        """Where the cluster's keys cannot be had the answer is that, and a token that comes later may be good."""
        cluster = Cluster(Refusal("callers-unverifiable", Text("no keys"), 5))
        callers = admissions(cluster=cluster, pod=table(service_account="a/b"))
        assert callers.identify(Presented(token=Secret(TOKEN)), None, 0.0) == cluster.answer
        cluster.answer = ("a/b", WALL + 600)
        assert identified(callers.identify(Presented(token=Secret(TOKEN)), None, 0.0)) == ("pod", "service-account:a/b")

    def test_a_token_is_verified_once_a_minute_and_at_its_end(self):
        """Verified once it is believed for a minute, whatever fields surround it, but never beyond its expiry."""
        clock = SteppingClock(wall=WALL)
        cluster = Cluster(("a/b", WALL + 90))
        callers = admissions(cluster=cluster, clock=clock, pod=table(service_account="a/b"))
        counts = []
        for seconds in (0, 59, 1, 29, 1):
            clock.advance(seconds)
            found = callers.identify(Presented(token=Secret(TOKEN)), None, clock.monotonic())
            counts.append((len(cluster.asked), identified(found)))
        proven = ("pod", "service-account:a/b")
        assert counts == [(1, proven), (1, proven), (2, proven), (2, proven), (3, "credentials-refused")]


def permit(identity, *, profile="employer", method=b"GET", path=PATH, now=0.0):
    """Ask for a permission."""
    assert isinstance(identity, Identity)
    return identity.permit(profile, method, path, now)


class TestPermission:
    def test_the_admission_names_caller_proof_and_rule(self):
        """What permits a request is told with the entry as it stands in the configuration."""
        found = admissions(erp=table(keys=[KEY])).identify(key(KEY), None, 0.0)
        rule = "POST /REST/dimona/v2/declarations"
        assert permit(found, method=b"POST") == Admission("erp", proof_of(KEY), rule, observed=False)

    def test_admissions_are_shared(self):
        """One object stands for every request that an entry permits, so that records cost nothing."""
        found = admissions(erp=table(keys=[KEY])).identify(key(KEY), None, 0.0)
        assert permit(found, path=PATH) is permit(found, path=PATH + b"/1", method=b"HEAD")

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"profile": "other"}, "in this profile"),
            ({"method": b"DELETE"}, "DELETE with this path"),
            ({"path": b"/REST/canary"}, "'allow' entry"),
        ],
    )
    def test_the_rest_is_refused(self, asked, words):
        """Another profile, method or path is refused with a cure, the second time as the first."""
        found = admissions(erp=table(keys=[KEY])).identify(key(KEY), None, 0.0)
        for _ in range(2):
            refusal = permit(found, **asked)
            assert isinstance(refusal, Refusal)
            assert refusal.code == "caller-not-permitted"
            assert words in refusal.detail
            assert "canary" not in refusal.detail

    def test_callers_do_not_share_permissions(self):
        """What one caller may do says nothing about another, also where the same request was asked before."""
        callers = admissions(erp=table(keys=[KEY]), hr=table(keys=[OTHER], allow={"employer": ["GET /REST/x"]}))
        assert isinstance(permit(callers.identify(key(KEY), None, 0.0)), Admission)
        assert isinstance(permit(callers.identify(key(OTHER), None, 0.0)), Refusal)

    def test_a_path_of_two_readings_is_refused_as_such(self):
        """Where paths are narrowed one that can be read in two ways is ambiguous, not merely not permitted."""
        refusal = permit(admissions(erp=table(keys=[KEY])).identify(key(KEY), None, 0.0), path=PATH + b"/a%2Fb")
        assert isinstance(refusal, Refusal)
        assert refusal.code == "ambiguous-path"

    def test_what_is_remembered_is_bounded(self):
        """Neither many paths nor long ones fill the memory, and they are judged all the same."""
        found = admissions(memory=MemoryLimit(1_000_000), erp=table(keys=[KEY])).identify(key(KEY), None, 0.0)
        assert isinstance(found, Identity)
        for number in range(2_000):
            assert isinstance(permit(found, path=PATH + b"/%d" % number), Admission)
        assert 500 < len(found._verdicts) < 1_000_000 / 600
        assert isinstance(permit(found, path=PATH + b"/" + b"x" * LONGEST_REMEMBERED), Admission)
        assert max(len(path) for _, _, path in found._verdicts) < LONGEST_REMEMBERED


def test_nothing_shows_a_credential():
    """No repr of what was identified or remembered has a key, a token or a whole digest in it."""
    cluster = Cluster(("a/b", WALL + 600))
    callers = admissions(cluster=cluster, erp=table(keys=[KEY]), pod=table(service_account="a/b"))
    shown = [key(KEY), Presented(token=Secret(TOKEN))]
    found = [callers.identify(credential, None, 0.0) for credential in shown]
    text = " ".join(map(repr, [callers, *shown, *found, *(identity.admission for identity in found)]))
    for canary in (KEY, digest(KEY), TOKEN, "canary"):
        assert canary not in text
