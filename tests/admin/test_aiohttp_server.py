"""The server of aiohttp without its client: what a gateway does not import, and that the package is whole on demand."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.waiting import PATIENCE

CODE = """
import json, sys
sys.modules["rich"] = None  # which structlog imports where developers have it
import fla_gateway.admin.server, fla_gateway.runtime.startup, fla_gateway.runtime.assembly
import fla_gateway.runtime.composition.trust_store as trust
from fla_gateway.catalog.load import load
load()
roots = trust.certifi_roots()
heavy = ["aiohttp.client", "aiohttp.connector", "frozenlist._frozenlist", "certifi", "importlib.resources", "difflib",
         "attr.validators", "email.parser", "email.policy", "html", "idna", "mimetypes", "typing_extensions",
         "urllib.request",
         "aiohttp.web_ws", "aiohttp.web_fileresponse", "fla_gateway.admin.status.gateway_status",
         "fla_gateway.admin.status.call_status"]
found = [name for name in heavy if sys.modules.get(name) is not None]
import aiohttp, certifi
whole = [aiohttp.ClientSession.__module__, aiohttp.__version__ != "", aiohttp.web is fla_gateway.admin.server.web]
from aiohttp.helpers import parse_content_type
whole.append(parse_content_type("text/html; charset=utf-8")[0])
print(json.dumps([found, whole, roots == certifi.where(), hasattr(aiohttp, "no_such_name")]))
"""


def test_the_client_is_imported_where_it_is_asked_for_and_not_before():
    """A gateway that sends nothing with aiohttp does not have its client; whatever uses the package finds all of it."""
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert json.loads(ended.stdout) == [[], ["aiohttp.client", True, True, "text/html"], True, False]
