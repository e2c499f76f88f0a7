"""What is to happen in one exchange, drawn at random and known to both ends.

The caller sends the plan along, so that the API does its part; every byte of a body, in both directions, belongs to the
exchange's nonce, so that a byte that went astray is noticed wherever it arrives.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Framing = Literal["length", "chunked", "close"]
Ending = Literal["whole", "whole-and-close", "cut-before", "cut-within", "refuse-token"]
Caller = Literal["reads", "half-closes", "resets-in-body", "leaves-at-once", "closes-within", "resets-within"]

METHODS = ("GET", "GET", "GET", "POST", "POST", "PUT", "DELETE", "HEAD")
LARGE = 400_000
READS: tuple[Caller, ...] = ("reads", "half-closes")


@dataclass(frozen=True, slots=True)
class Plan:
    """One exchange.

    Attributes:
        nonce: names it; never used twice.
        method: request method.
        sent: bytes of request body.
        chunked: whether the request body travels in chunks.
        answered: bytes of answer body.
        framing: of the answer body.
        ending: what the API does with the exchange and its connection.
        interim: whether the API sends 103 first.
        delay: milliseconds until the API answers.
        pieces: number of writes for a body, on both sides.
        caller: what the caller does.
    """

    nonce: str
    method: str = "GET"
    sent: int = 0
    chunked: bool = False
    answered: int = 0
    framing: Framing = "length"
    ending: Ending = "whole"
    interim: bool = False
    delay: int = 0
    pieces: int = 1
    caller: Caller = "reads"

    @property
    def harmless(self) -> bool:
        """Whether nothing is done to it, so that it must be answered whole."""
        return self.ending in {"whole", "whole-and-close"} and self.caller in READS

    @property
    def request_body(self) -> bytes:
        """The request body."""
        return pattern(f"asks {self.nonce}", self.sent)

    @property
    def answer_body(self) -> bytes:
        """The answer body; HEAD has none."""
        return b"" if self.method == "HEAD" else pattern(f"answers {self.nonce}", self.answered)

    def text(self) -> str:
        """Write it as a field value."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())

    @classmethod
    def parse(cls, text: str) -> Plan:
        """Read it from a field value."""
        given = dict(word.split("=") for word in text.split(" "))
        kinds: dict[str, Any] = {"int": int, "bool": lambda word: word == "True"}
        return cls(**{name: kinds.get(str(cls.__annotations__[name]), str)(value) for name, value in given.items()})


def pattern(words: str, size: int) -> bytes:
    """Fill so many bytes with some words."""
    unit = f"{words}\n".encode()
    return (unit * (size // len(unit) + 1))[:size]


def draw(randomness: random.Random, nonce: str) -> Plan:
    """Draw an exchange: seven of ten are harmless, the others are cut, cancelled or reset somewhere."""
    method = randomness.choice(METHODS)
    sent = _size(randomness) if method in {"POST", "PUT"} else 0
    answered = _size(randomness)
    harm = randomness.random()
    ending: Ending = randomness.choice(("whole",) * 9 + ("whole-and-close",))
    caller: Caller = "half-closes" if randomness.random() < 0.03 else "reads"
    if harm < 0.08:
        ending = "cut-within" if answered > 1 and method != "HEAD" and randomness.random() < 0.7 else "cut-before"
    elif harm < 0.09:
        ending = "refuse-token"
    elif harm < 0.3:
        caller = randomness.choice(get_args(Caller)[2:])
    return Plan(
        nonce,
        method,
        sent,
        chunked=sent > 0 and randomness.random() < 0.4,
        answered=answered,
        framing=randomness.choice(("length", "length", "length", "chunked", "chunked", "close")),
        ending=ending,
        interim=randomness.random() < 0.05,
        delay=randomness.choice((0, 0, 0, 0, 1, 3, 10)),
        pieces=randomness.choice((1, 1, 1, 2, 5)),
        caller=caller,
    )


def _size(randomness: random.Random) -> int:
    """Draw a size: mostly small, sometimes more than any buffer on the way holds."""
    kind = randomness.random()
    if kind < 0.1:
        return 0
    if kind < 0.75:
        return randomness.randint(1, 2_000)
    return randomness.randint(1, 64_000) if kind < 0.96 else randomness.randint(64_000, LARGE)


def pieces_of(body: bytes, count: int) -> list[bytes]:
    """Divide a body into about so many pieces, none of them empty."""
    step = -(-len(body) // count) or 1
    return [body[start : start + step] for start in range(0, len(body), step)]


def chunk(data: bytes) -> bytes:
    """Frame one chunk; of nothing, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)
