"""Which box of ChaMan is named for a scope or a service that is missing."""

from __future__ import annotations

import pytest

from fla_gateway.catalog.load import load
from fla_gateway.catalog.rights import rights_for_scopes, rights_for_service, tick


def test_the_box_of_a_scope_is_named_in_the_screens_words_and_as_a_guess():
    """In Dutch as the manual shows it, in French as our own translation; that it is this box is a guess."""
    said = tick(rights_for_scopes(load(), ["scope:dimona:declaration:declarant"]))
    assert 'tick "Dimona-aangiftes verrichten"' in said
    assert "under Beveiligde machtigingen" in said
    assert 'by our own translation: "Effectuer des déclarations Dimona"' in said
    assert said.endswith("a guess from the names")
    assert "Consultatie" not in said


def test_a_scope_of_which_no_box_is_known_gets_no_invented_one():
    """It is said that a right is missing, and that it is not known which."""
    rights = rights_for_scopes(load(), ["scope:rsz-onss:socialdebt:retention:billretainment-rest:post-billretainment"])
    assert rights == ()
    assert "is not known here" in tick(rights)


@pytest.mark.parametrize(
    ("service", "labels"),
    [
        ("dimona", ["Dimona-aangiftes verrichten", "Consultatie van de Dimona-aangifte"]),
        ("presenceRegistration", ["Check In And Out @ Work - Consultatie"]),
        ("ebox", ["DocConsumer e-Box Enterprise"]),
        ("federalLearningAccount", ["CareerPro - Federal Learning Account - Aangifte"]),
        ("unheardOf", []),
        ("", []),
    ],
)
def test_the_boxes_of_a_service_are_found_by_the_name_in_its_paths(service, labels):
    """Each box once, although two versions of an API have it."""
    assert [it.label for it in rights_for_service(load(), service)] == labels


def test_a_translation_of_ours_is_never_the_label():
    """What stands in ChaMan is the label; every label of the manual has a translation, except a proper name."""
    found = [right for service in load().services for right in service.rights]
    assert all(it.label and it.label != it.french for it in found)
    assert {it.label for it in found if not it.french} == {"DocConsumer e-Box Enterprise", "WITA Amateur - Werkgever"}


def test_a_box_whose_scope_the_token_has_is_not_the_missing_one():
    """Where all of them are ticked, none is named."""
    has = ["scope:dimona:declaration:declarant"]
    assert [it.label for it in rights_for_service(load(), "dimona", has)] == ["Consultatie van de Dimona-aangifte"]
    assert rights_for_service(load(), "dimona", [*has, "scope:dimona:declaration:consult"]) == ()
