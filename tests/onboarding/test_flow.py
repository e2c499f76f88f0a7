"""Which question comes next: pure, so that every branch of `fla-gateway init` is seen without a terminal."""

from __future__ import annotations

import pytest

from fla_gateway.catalog.load import load
from fla_gateway.cli.init import FLAGS
from fla_gateway.errors import InvalidValueError
from fla_gateway.onboarding.channel_questions import environments_of, makes_key, offered_services, uses_existing
from fla_gateway.onboarding.flow import CLIENT_ID, IDS, next_question, settle
from fla_gateway.onboarding.labels import OF_QUALITY, named
from fla_gateway.onboarding.preparations import ORDER, preparation, preparations
from fla_gateway.onboarding.question import Context

CONTEXT = Context()
COMPANY = {"company": "Acme NV", "enterprise-number": "0123.456.749"}
EMPLOYER = {"quality": "employer", **COMPANY}


def asked(given, context=CONTEXT):
    """Give the ids of all questions that come when each open one is answered by its default, or its first choice."""
    answers, ids = dict(given), []
    while (question := next_question(answers, context)) is not None:
        ids.append(question.id)
        first = question.choices[0].value if question.choices else "x1"
        answers[question.id] = question.default if question.default is not None else first
        if question.id == "enterprise-number":
            answers[question.id] = COMPANY["enterprise-number"]
    return ids


def question(name, given, context=CONTEXT):
    """Give a question as it is asked after some answers."""
    return next(it for it in settle(given, context).open if it.id == name)


def test_an_employer_is_asked_for_everything_in_order():
    """What is done already comes before the account, and the client id, which ChaMan alone knows, comes last."""
    ids = asked({"quality": "employer"})
    assert ids[:5] == ["profile", "company", "enterprise-number", "services", "environment"]
    assert [it for it in ids if it in ORDER] == [
        "known-employer",
        "registered",
        "chaman-access",
        "sender",
        "quality-present",
    ]
    assert ids[-1] == CLIENT_ID
    assert ids.index("account") > ids.index("quality-present")


@pytest.mark.parametrize("quality", ["secretariat", "provider"])
def test_a_mandatary_is_asked_for_mandates_and_not_whether_it_is_an_employer(quality):
    """It acts for its clients; the number is its own."""
    ids = asked({"quality": quality})
    assert "mandates" in ids
    assert "known-employer" not in ids
    assert "client" in question("enterprise-number", {"quality": quality}).explanation[1]


def test_a_training_provider_is_asked_nothing_more():
    """There is nothing that could be configured."""
    assert asked({"quality": "training-provider"}) == []


def test_each_quality_is_offered_with_the_words_of_the_screen():
    """The manual's Dutch words are literal."""
    texts = " ".join(choice.text for choice in question("quality", {}).choices)
    for label in OF_QUALITY.values():
        assert label.nl in texts


def test_only_environments_of_every_chosen_service_are_offered():
    """FLA has no simulation; with Dimona production alone is common to both."""
    assert environments_of(("federal-learning-account",)) == ("acceptance", "production")
    assert environments_of(("dimona",)) == ("simulation", "production")
    assert environments_of(("dimona", "federal-learning-account")) == ("production",)
    assert environments_of(("/REST/newApi/v1",)) == ("simulation", "acceptance", "production")
    shown = question("environment", {**EMPLOYER, "services": "federal-learning-account"})
    assert [choice.value for choice in shown.choices] == ["acceptance", "production"]
    with pytest.raises(InvalidValueError):
        shown.answer("simulation")


def test_production_is_never_taken_unasked_where_there_is_a_choice():
    """A default declares nothing."""
    for service in offered_services():
        shown = question("environment", {**EMPLOYER, "services": service.name})
        assert shown.default != "production" or len(shown.choices) == 1


def test_services_are_those_whose_path_is_known():
    """Others are written as a path; the repealed one is offered, since what it holds can be had for a while."""
    names = [service.name for service in offered_services()]
    assert "federal-learning-account" in names
    assert all(service.prefix for service in offered_services())
    assert {it.name for it in load().services if it.status == "unconfirmed"}.isdisjoint(names)
    shown = question("services", EMPLOYER)
    assert shown.answer("1, presence-registration,/REST/newApi/v1/") == "dimona,presence-registration,/REST/newApi/v1"
    for wrong in ("dimonna", "/REST/", "/REST/oauth/v5", "bill-retainment"):
        with pytest.raises(InvalidValueError):
            shown.answer(wrong)


def test_acceptance_asks_for_admission():
    """No other environment does."""
    given = {**EMPLOYER, "services": "federal-learning-account"}
    assert "acceptance-access" in asked({**given, "environment": "acceptance"})
    assert "acceptance-access" not in asked({**given, "environment": "production"})


@pytest.mark.parametrize(
    ("given", "wanted", "makes", "changes"),
    [
        ({"account": "new"}, [], True, False),
        ({"account": "existing", "has-key": "yes", "key-file": "a.pfx"}, ["key-password-file"], False, True),
        (
            {"account": "existing", "has-key": "yes", "key-file": "a.pem"},
            ["key-password-file", "certificate-file"],
            False,
            True,
        ),
        ({"account": "existing", "has-key": "no"}, ["without-key"], True, False),
        ({"account": "existing", "has-key": "unknown", "without-key": "second-certificate"}, [], True, True),
        ({"account": "existing", "has-key": "no", "without-key": "own-account"}, [], True, False),
        ({"key": "take"}, ["key-file", "key-password-file", "certificate-file"], False, False),
        ({"key": "take", "key-file": "a.P12"}, ["key-password-file"], False, False),
    ],
    ids=["new", "its pfx", "its pem", "no key", "second certificate", "own account", "bought", "bought as p12"],
)
def test_an_account_that_exists_is_asked_for_its_key(given, wanted, makes, changes):
    """Without it: a second certificate, or an account of its own; a key is made unless there is one."""
    ids = asked({**EMPLOYER, **given})
    assert [it for it in ids if it in {"key-file", "key-password-file", "certificate-file", "without-key"}] == wanted
    assert (makes_key(given), uses_existing(given)) == (makes, changes)


def test_without_the_key_an_account_of_its_own_is_proposed():
    """Never one in which another program's certificate would be touched."""
    given = {**EMPLOYER, "account": "existing", "has-key": "no"}
    without = question("without-key", given)
    assert without.default == "own-account"
    assert "Never replace" in without.explanation[0]


def test_alerts_are_asked_for_two_addresses_or_none():
    """One of them is not a person's; where a configuration is there already, alerts are in it."""
    assert "alert-mailbox" not in asked({**EMPLOYER, "alert-mail": ""})
    ids = asked({**EMPLOYER, "alert-mail": "ann@acme.example"})
    assert ids[ids.index("callers") + 1] == "alert-mailbox"
    assert "alert-mail" not in asked(EMPLOYER, Context(existing=True))


def test_names_that_are_there_are_not_proposed_again():
    """A profile of that name would be written twice."""
    context = Context(profiles=frozenset({"employer", "employer-2"}), existing=True)
    shown = question("profile", EMPLOYER, context)
    assert shown.default == "employer-3"
    for wrong in ("employer", "api", "Employer", "a" * 33):
        with pytest.raises(InvalidValueError):
            shown.answer(wrong)


def test_the_sandbox_asks_for_callers_alone():
    """It has the account, and takes the place of ChaMan."""
    assert asked({}, Context(sandbox=True)) == ["callers"]


def test_defaults_leave_what_only_a_person_knows():
    """Everything else has one, and no default claims that something is done."""
    settled = settle({}, CONTEXT, take_defaults=True)
    assert [it.id for it in settled.missing] == ["quality", "company", "enterprise-number"]
    complete = settle(EMPLOYER, CONTEXT, take_defaults=True)
    assert complete.missing == []
    assert [complete.answers[it] for it in ORDER if it in complete.answers] == ["unknown"] * 5
    assert complete.answers["enterprise-number"] == "0123456749"


def test_an_answer_behind_a_default_is_not_lost():
    """Whether it applies is judged with the defaults of those before it."""
    given = {**EMPLOYER, "account": "existing", "without-key": "second-certificate"}
    assert settle(given, CONTEXT, take_defaults=True).answers["without-key"] == "second-certificate"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("quality", "worker"),
        ("enterprise-number", "0123.456.748"),
        ("company", "a" * 65),
        ("company", "\u00e9" * 33),
        ("company", "Soci\udce9t\udce9"),
        ("alert-mail", "a\x1b@b.example"),
        ("callers", "Pay roll"),
        ("callers", "payroll,admin"),
        ("alert-mail", "a@b, c@d"),
        ("alert-mail", "ann"),
        ("alert-mail", "ann@acm\u00e9.example"),
        ("client-id", "self_service_chaman_123456_78912"),
        ("client-id", "two words"),
        ("account", "maybe"),
        ("certificate-file", "a\0b"),
    ],
)
def test_an_answer_that_is_none_is_named(name, wrong):
    """By its id, with a message; an example's client id is none."""
    settled = settle({**EMPLOYER, "key": "take", "key-file": "a.pem", name: wrong}, CONTEXT, take_defaults=True)
    assert [it for it, _ in settled.faults] == [name]


def test_every_question_has_a_flag_with_its_values():
    """In the order in which they are asked."""
    assert tuple(name for name, _, _ in FLAGS) == IDS
    for name, values, _ in FLAGS:
        for given in (
            {**EMPLOYER, "services": "/REST/a/v1", "account": "existing"},
            {"quality": "provider", "services": "/REST/a/v1", "environment": "acceptance"},
        ):
            found = [it for it in settle(given, CONTEXT).open if it.id == name and not it.open]
            for one in found:
                assert (set() if isinstance(values, str) else set(values)) == {
                    choice.value for choice in one.choices
                }, name


def test_each_no_says_who_can_do_it_and_where():
    """Old and new names side by side, literally, with the address of the manual or the way through the portal."""
    given = {"quality": "employer", "environment": "simulation"} | dict.fromkeys(ORDER, "no")
    found = preparations(given, lambda label: named(label, "en"))
    assert [it.question for it in found] == list(ORDER)
    text = {it.question: " ".join(it.lines) for it in found}
    assert "register-as-employer.htm" in text["known-employer"]
    for words in ("Hoofdtoegangsbeheerder", "lokale beheerder", "Uw verantwoordelijken", "register.htm"):
        assert words in text["registered"]
    for words in ("Beheer van de technische kanalen", "geen toegang", "Toegangsbeheer"):
        assert words in text["chaman-access"]
    assert "verzender" in text["sender"]
    assert "RSZ werkgever" in text["quality-present"]
    assert "MAHIS" in text["mandates"]


def test_acceptance_has_an_access_management_of_its_own():
    """Its address stands in the place of the portal's."""
    given = {"quality": "employer", "environment": "acceptance", "chaman-access": "no"}
    found = preparation("chaman-access", given, lambda label: label.nl)
    assert found is not None
    assert "https://uman.acc.socialsecurity.be/uman/" in found.lines[0]


def test_what_is_done_needs_no_preparation():
    """Yes is believed."""
    assert preparations({"quality": "employer"} | dict.fromkeys(ORDER, "yes"), lambda label: label.nl) == ()
