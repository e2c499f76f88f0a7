"""Texts are written so that a catalogue can have them: literal, with placeholders that are filled, and stable codes."""

import ast
import re
from collections import defaultdict

from tests.support.texts import KINDS, called, calls, modules, placeholders, texts

CARRIERS = {
    "Fault": (1, 2),
    "Objection": (0, 1),
    "UnusableKeyError": (0, 1),
    "InvalidValueError": (0,),
    "Refusal": (1,),
    "ProblemError": (1,),
    "Overdue": (1,),
    "NoConnectionError": (1,),
    "TunnelRefusedError": (0,),
    "fail": (1,),
    "upstream_failed": (1,),
}
"""What carries texts to people, and which arguments they are."""


COUNT = defaultdict(set, Plural={("count", "", "")})
"""A number chooses a form, whether it is in it or not."""


def test_every_template_is_a_literal_with_its_arguments():
    """Babel finds no other, and each placeholder has a plain name, with neither a format nor a conversion."""
    wrong = [
        found
        for found in texts()
        if found.template is None
        or found.arguments is None
        or {(name, "", "") for name in found.arguments} - COUNT[found.kind]
        != set(placeholders(found.template + (found.plural or ""))) - COUNT[found.kind]
        or (found.kind == "Plural" and found.plural is None)
    ]
    assert not wrong


def test_no_text_is_within_an_f_string():
    """There Babel finds it from Python 3.12 on, and not before, so that the messages would depend on the Python."""
    within = [
        f"{path}:{node.lineno}"
        for path, text in modules(*KINDS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.JoinedStr)
        and any(isinstance(it, ast.Call) and called(it) in KINDS for it in ast.walk(node))
    ]
    assert within == []


def test_a_code_says_one_thing():
    """Lower case with hyphens, and one template wherever it is used."""
    templates = defaultdict(set)
    for found in texts():
        if found.kind == "Message":
            assert found.code is not None, found.place
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", found.code), found.place
            templates[found.code].add(found.template)
    assert {code: them for code, them in templates.items() if len(them) > 1} == {}


def test_a_value_that_breaks_a_rule_says_so_as_a_text():
    """Who judges a configuration expects that error alone: any other would end a check or a reload with a stack."""
    bare = [
        f"{path}:{call.lineno}"
        for path, call in calls("ValueError")
        if {"config", "catalog", "access", "profiles.py"} & set(path.parts)
    ]
    assert not bare


def test_what_people_are_told_is_no_text_put_together_on_the_spot():
    """An f-string, a sum or a bare sentence has no template, so no language but English can have it."""
    bare = [
        f"{path}:{call.lineno}"
        for path, call in calls(*CARRIERS)
        for at, argument in enumerate(call.args)
        if at in CARRIERS[called(call)] and isinstance(argument, ast.JoinedStr | ast.BinOp | ast.Constant)
    ]
    assert not bare
