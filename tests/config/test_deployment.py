from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fla_gateway.access.authentication.api_key import digest
from fla_gateway.access.authorization.allow_list import Rule, judge, parse_rule
from fla_gateway.access.authorization.allow_list_faults import caller_rule_faults
from fla_gateway.config.load import load
from fla_gateway.config.schema import KeySource
from fla_gateway.sandbox import files, options

ROOT = Path(__file__).parents[2]


def stages() -> dict[str, str]:
    """Give the stages of the Dockerfile by name, in order."""
    parts = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].split(" AS ")[1]: part for part in parts}


def compose_script(service: str) -> str:
    """Give the script that a service of docker-compose.yml runs, as its shell or Python gets it."""
    text = (ROOT / "docker-compose.yml").read_text()
    (part,) = re.findall(rf"^  {service}:\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    (script,) = re.findall(r"^      - \|\n((?:        .*\n|\n)+)", part, re.MULTILINE)
    return textwrap.dedent(script).replace("$$", "$")


@pytest.fixture
def stage(tmp_path):
    """Lay out what the containers have, and run the service `setup` in it."""
    for name in ("config", "callers", "state"):
        (tmp_path / name).mkdir(mode=0o700)
    shutil.copy(ROOT / "config/compose.toml", tmp_path / "config")
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for _ in range(2):
        subprocess.run(
            ["/bin/sh", "-euc", compose_script("setup")], cwd=tmp_path, env={**os.environ, "PATH": programs}, check=True
        )
    return tmp_path


def test_the_compose_configuration_is_without_fault_or_warning(stage):
    """With the caller that `setup` made, config/compose.toml loads, and its caller's rules can be read."""
    settings = load(stage / "config/compose.toml", {}, [caller_rule_faults])
    assert not settings.warnings


def test_the_compose_configuration_fits_the_sandbox(stage):
    """config/compose.toml names the host, the files and the client that the sandbox container really has."""
    configuration = load(stage / "config/compose.toml", {}).configuration
    environment, profile = configuration.environments["sandbox"], configuration.profiles["demo"]
    assert "sandbox" in options.NAMES
    assert environment.token_url == f"https://sandbox:9443{options.TOKEN_PATH}"
    assert environment.ca_file == Path("/sandbox") / files.CA
    assert profile.client_id == options.CLIENT_ID
    assert profile.key == KeySource(
        pem=Path("/sandbox") / files.CLIENT_KEY, certificate=Path("/sandbox") / files.CLIENT_CERTIFICATE
    )


def test_the_compose_caller_has_the_key_that_the_configuration_knows(stage):
    """`setup` makes one key, also if it runs twice: itself for the caller, its digest for the gateway."""
    caller = load(stage / "config/compose.toml", {}).configuration.callers["demo"]
    files = [path for folder in ("callers", "state") for path in (stage / folder).iterdir()]
    assert {path.name for path in files} == {"demo.toml", "caller.key"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert [key.sha256 for key in caller.keys] == [digest((stage / "state/caller.key").read_text().strip())]
    assert '"/srv/fla-gateway/state/caller.key"' in compose_script("caller")
    assert '"X-Api-Key": KEY' in compose_script("caller")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (b"POST", b"/REST/dimona/v2/declarations"),
        (b"GET", b"/REST/dimona/v2/declarations/1"),
        (b"GET", b"/REST/echo/v1"),
    ],
)
def test_the_compose_caller_may_do_what_it_does(stage, method, path):
    """Each call of the caller's script is permitted."""
    caller = load(stage / "config/compose.toml", {}).configuration.callers["demo"]
    assert isinstance(judge(tuple(map(parse_rule, caller.allow["demo"])), method, path), Rule)


def test_the_places_of_the_compose_volumes_are_in_the_image():
    """A volume takes over the owner of the directory that it is mounted on, so that each has to be in the image."""
    text = (ROOT / "docker-compose.yml").read_text()
    places = set(re.findall(r"^      - \w+:(/[\w/-]+)", text, re.MULTILINE)) - {"/sandbox"}
    made = re.search(r"^RUN install -d -o 10001 -g 10001 -m 0700 (.*)$", stages()["runtime"], re.MULTILINE)
    assert made is not None
    assert places == {f"/srv/fla-gateway/{name}" for name in made[1].split()}


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


def service(name: str) -> str:
    """Give what docker-compose.yml says of a service."""
    (part,) = re.findall(rf"^  {name}:\n((?:    .*\n|\n)+)", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    return str(part)


@pytest.mark.parametrize("name", ["gateway", "caller"])
def test_a_restart_of_the_gateway_leaves_its_callers_their_loopback(name):
    """Gateway and callers join a namespace that neither of them owns, so that none is in a dead one after a restart."""
    assert 'network_mode: "service:net"' in service(name)
    assert 'entrypoint: ["sleep", "infinity"]' in service("net")


@pytest.mark.parametrize("name", ["net", "sandbox", "gateway"])
def test_what_stays_up_comes_back_after_a_crash(name):
    """Each service that others need has a restart policy."""
    assert "restart: unless-stopped" in service(name)


@pytest.mark.parametrize("name", ["net", "sandbox", "setup", "gateway", "caller"])
def test_every_service_is_confined_and_bounded(name):
    """No privileges, nothing written but volumes, and an end to memory, processes and logs."""
    assert "<<: *confined" in service(name)
    shared = (
        (ROOT / "docker-compose.yml").read_text().partition("x-confined: &confined\n")[2].partition("\nservices:")[0]
    )
    for line in (
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
        "mem_limit:",
        "pids_limit:",
        "max-size",
    ):
        assert line in shared


def test_the_images_health_is_the_gateways_readiness():
    """HEALTHCHECK runs the program's own command, with the configuration that the image names."""
    assert 'CMD ["fla-gateway", "healthcheck"]' in stages()["gateway"]
    assert "FLA_GATEWAY_CONFIG=/srv/fla-gateway/config/gateway.toml" in stages()["gateway"]


def test_no_bytecode_of_the_image_has_a_time_in_it():
    """Whatever is installed leaves bytecode to one step, which keys it by the hash of its source."""
    assert "PIP_NO_COMPILE=1" in stages()["build"]
    for name in ("build", "build-sandbox"):
        *_, last = re.findall(r"python -m (pip --python \S+ install|compileall [^\n]*)", stages()[name])
        assert last == "compileall -q --invalidation-mode unchecked-hash /opt/fla-gateway/lib"


def test_the_pod_of_the_readme_meets_the_restricted_standard():
    """The four settings of the Pod Security Standard, for each container, and bounds of memory."""
    (pod,) = re.findall(r"```yaml\n(spec:\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    pod_wide, *containers = re.split(r"^    - name: ", pod, flags=re.MULTILINE)
    assert "runAsNonRoot: true" in pod_wide
    assert "seccompProfile: { type: RuntimeDefault }" in pod_wide
    assert len(containers) == 2
    for container in containers:
        assert "allowPrivilegeEscalation: false" in container
        assert "capabilities: { drop: [ALL] }" in container
        assert "limits: { memory: " in container
