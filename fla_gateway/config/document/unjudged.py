"""Adapter: the documents of a configuration as they are written, of which nothing has been judged yet.

Owns the way from the first file to those that it includes, for what needs single keys or names of a configuration
that may be faulty. Refuses to expand and to judge values; `config.load` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.document.toml_file import read_document
from fla_gateway.errors import ConfigurationError, Fault


def read_unjudged(path: Path, files: FileSnapshot) -> tuple[list[tuple[Path, dict[str, Any]]], list[Fault]]:
    """Read every file of a configuration that can be read.

    Args:
        path: the first file, absolute.
        files: reads them.

    Returns:
        Each file with its document, the first one first; and why included files could not be read.

    Raises:
        ConfigurationError: the first file cannot be read, or is no TOML.
    """
    first = read_document(path, path.name, files)
    patterns = first.get("include")
    texts = [it for it in patterns if isinstance(it, str) and it.isprintable()] if isinstance(patterns, list) else []
    included = dict.fromkeys(file for pattern in texts for file in files.listing(pattern, path.parent) if file != path)
    documents: list[tuple[Path, dict[str, Any]]] = [(path, first)]
    faults: list[Fault] = []
    for file in included:
        try:
            documents.append((file, read_document(file, file.name, files)))
        except ConfigurationError as error:
            faults.extend(error.faults)
    return documents, faults
