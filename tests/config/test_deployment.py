from __future__ import annotations

import re
from pathlib import Path

from fla_gateway.config.load import load
from fla_gateway.config.schema import KeySource
from fla_gateway.sandbox import files, options

ROOT = Path(__file__).parents[2]


def stages() -> dict[str, str]:
    """Give the stages of the Dockerfile by name, in order."""
    parts = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].split(" AS ")[1]: part for part in parts}


def test_the_compose_configuration_fits_the_sandbox():
    """config/compose.toml names the host, the files and the client that the sandbox container really has."""
    configuration = load(ROOT / "config/compose.toml", {}).configuration
    environment, profile = configuration.environments["sandbox"], configuration.profiles["demo"]
    assert "sandbox" in options.NAMES
    assert environment.token_url == f"https://sandbox:9443{options.TOKEN_PATH}"
    assert environment.ca_file == Path("/sandbox") / files.CA
    assert profile.client_id == options.CLIENT_ID
    assert profile.key == KeySource(
        pem=Path("/sandbox") / files.CLIENT_KEY, certificate=Path("/sandbox") / files.CLIENT_CERTIFICATE
    )


def test_the_image_built_by_default_is_the_gateway_without_the_sandbox():
    """The last stage takes the environment without the sandbox's packages, and runs as a numeric user."""
    last, text = list(stages().items())[-1]
    assert last == "gateway"
    assert "COPY --from=build /opt/fla-gateway" in text
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
    assert "sandbox.txt" not in stages()["build"]


def test_every_package_of_the_image_is_pinned_by_hash():
    """Whatever is installed from an index is checked against a hash."""
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&\n]*)", (ROOT / "Dockerfile").read_text())
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
