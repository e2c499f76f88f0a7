"""Value: what is to be known of the Federal Learning Account before anything is configured for it.

Owns the texts. Refuses to know dates beyond those of the law.
"""

from __future__ import annotations

from typing import Final

from fla_gateway.i18n.message import Text

FEDERAL_LEARNING_ACCOUNT: Final = "federal-learning-account"

REPEALED: Final = Text("The Federal Learning Account (FLA) is repealed by the law of 14 January 2026.")
NOTHING_NEW: Final = Text("Employers and service providers can send nothing new to it.")
NEVER_PUBLISHED: Final = Text(
    'Its API for training providers was never published: the manual leaves the scope blank and calls the address "to '
    'be defined". So there is nothing that could be configured, and nothing is.'
)
SUCCESSOR: Final = Text(
    "Ask Sigedis what the successor, the Individual Learning Account, wants of training providers. What is known of it "
    "names no channel for employers."
)
EXPORT: Final = Text(
    "Data that are in the FLA can be had until 31 December 2026 and are destroyed on 1 January 2027. Whether the API "
    "can read them is not known; the web application CareerPro is the sure way to export them: "
    "https://www.careerpro.be"
)

FOR_TRAINING_PROVIDERS: Final = (REPEALED, NEVER_PUBLISHED, NOTHING_NEW, SUCCESSOR, EXPORT)
FOR_OTHERS: Final = (REPEALED, NOTHING_NEW, EXPORT)
