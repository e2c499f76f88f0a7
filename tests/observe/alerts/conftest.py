from __future__ import annotations

from tests.support.stage import api_tls, authority, ca_file  # noqa: F401 - fixtures
