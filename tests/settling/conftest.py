"""Fixtures: gateways as processes."""

from tests.support.gateway_process import begin, government  # noqa: F401 - fixtures
from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures
