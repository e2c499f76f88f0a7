from __future__ import annotations

from tests.support.browser import chromium, own_page, page  # noqa: F401 - fixtures
from tests.support.stage import api_tls, authority, ca_file, start, trust  # noqa: F401 - fixtures
