"""Value: what `fla-gateway --help` says before and after the list of commands.

Owns both texts. Refuses to know the commands: each has its own summary.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.i18n.message import Text

DESCRIPTION: Final = Text(
    "A credential sidecar for the REST APIs of the Belgian social security: plain HTTP in, "
    "private_key_jwt and bearer out."
)
EPILOG: Final = Text(
    """\
examples:
  fla-gateway demo                     see it work, without an account
  fla-gateway init                     from an empty folder to a working call
  fla-gateway check                    is my configuration right?
  fla-gateway run                      serve gateway.toml of this folder, or of /etc/fla-gateway
  fla-gateway reload                   apply a changed configuration to it
  fla-gateway COMMAND --help           what a command takes, with examples

exit codes: 0 well, 1 findings, 2 wrong use or configuration, 3 exchanges cut off, 69 no gateway answers,
70 internal error, 75 address or journal in use, 130 interrupted"""
)
