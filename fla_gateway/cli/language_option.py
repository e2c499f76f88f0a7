"""Rule: which language a command line names, wherever it does so.

Owns the option `--lang`, before or behind the command. Refuses to know texts. It is read before everything else, since
argparse asks for its texts while parsers are built. Imports nothing heavy: every command passes here first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # as cli/main.py
    from collections.abc import Sequence

OPTION: Final = "--lang"
LANGUAGES: Final = ("en", "nl", "fr")


def split(words: Sequence[str]) -> tuple[str, list[str]]:
    """Take the option out of the words of a command line.

    Args:
        words: behind ``--`` there are no options.

    Returns:
        The language, the last one of several, or an empty text; and the other words. What is no language, or lacks one,
        is in front of them, for argparse to complain of.
    """
    language, wrong, rest = "", list[str](), list[str]()
    following = iter(words)
    for word in following:
        if word == "--":
            rest += [word, *following]
            break
        name, is_joined, value = word.partition("=")
        if name != OPTION:
            rest.append(word)
            continue
        value = value if is_joined else next(following, "")
        language = value if value in LANGUAGES else language
        wrong += [] if value in LANGUAGES else [OPTION, *([value] if value else [])]
    return language, [*wrong, *rest]
