"""Adapter: which file and line of a configuration a finding is about, where the finding alone does not say.

Owns the look at the files. Refuses to find anything; what `config.load` reports has its line already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fla_gateway.errors import ConfigurationError, Fault

if TYPE_CHECKING:  # `--help` must not wait for the configuration
    from fla_gateway.runtime.composition.resolved_config import Configured


def locator(configured: Configured) -> Callable[[Fault], Fault]:
    """Return what adds file and line to a fault that has none; the files are scanned when the first one comes."""
    from fla_gateway.config.document.line_numbers import Lines  # noqa: PLC0415 - see TYPE_CHECKING above
    from fla_gateway.config.load import label  # noqa: PLC0415 - as above

    sources = configured.settings.sources
    scanned: dict[str, Lines] = {}

    def locate(fault: Fault) -> Fault:
        if fault.file or not fault.path:
            return fault
        if not scanned:
            texts = {label(it, sources[0]): configured.files.read(it).decode("utf-8-sig") for it in sources}
            scanned.update({name: Lines(text) for name, text in texts.items()})
        file, line = Lines.find_in(scanned, fault.path)
        # What no file has in part is a default, of which no file is to blame.
        return replace(fault, file=file, line=line) if line else fault

    return locate


def located(path: Path, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Add file and line to faults of a start that have none; as they are if the configuration cannot be read again."""
    if all(it.file or not it.path for it in faults):
        return faults
    from fla_gateway.runtime.composition.resolved_config import read  # noqa: PLC0415 - as above

    try:
        return tuple(map(locator(read(path, pipes=False)), faults))  # a pipe has been read, and would be waited for
    except (ConfigurationError, OSError):
        return faults
