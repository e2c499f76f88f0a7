"""What is handed to others: the source distribution, its metadata, and the files that a visitor looks for."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser

import pytest

import fla_gateway
from tests.docs.pages import ROOT, read

pytestmark = pytest.mark.source


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Build the source distribution; give its files by their path."""
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.iterdir()
    with tarfile.open(path) as archive:
        opened = [(it.name, archive.extractfile(it)) for it in archive.getmembers()]
        return {name.partition("/")[2]: file.read() for name, file in opened if file}


def test_the_source_distribution_has_what_building_and_reading_needs(members):
    """It can be built and read: code, licence, policy, pages, pinned requirements."""
    assert {"pyproject.toml", "README.md", "LICENSE", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"} <= set(members)
    assert {"docs/keys.md", "requirements/run.txt", "config/full.toml", "fla_gateway/__main__.py"} <= set(members)


def test_the_source_distribution_has_nothing_of_ci_tests_or_others(members):
    """Neither CI's files, nor tests with files that others wrote, nor anything that lies about beside the project."""
    folders = {it.partition("/")[0] for it in members if "/" in it}
    assert folders <= {"fla_gateway", "config", "docs", "requirements"}
    assert [it for it in members if it.endswith((".pyc", ".pem", ".key", ".pfx", ".pass"))] == []


def test_the_metadata_name_licence_and_version(members):
    """An index, and a scanner of licences, read them from the metadata; the version comes from the package alone."""
    metadata = HeaderParser().parsestr(members["PKG-INFO"].decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Version"] == fla_gateway.__version__
    assert len(metadata["Keywords"].split(",")) > 3


def test_a_wheel_has_its_commit_the_completions_and_the_languages(tmp_path):
    """For --version, bash, zsh and gettext; the commit is the one that the build names."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    environment = {**os.environ, "FLA_GATEWAY_COMMIT": "c0ffee"}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment)
    (path,) = tmp_path.iterdir()
    with zipfile.ZipFile(path) as wheel:
        assert wheel.read("fla_gateway/commit.txt") == b"c0ffee\n"
        names = {it.partition(".data/data/")[2] or it for it in wheel.namelist()}
    assert {"share/bash-completion/completions/fla-gateway", "share/zsh/site-functions/_fla-gateway"} <= names
    assert {f"fla_gateway/i18n/locale/{it}/LC_MESSAGES/fla_gateway.mo" for it in ("nl", "fr")} <= names


def test_the_version_stands_in_one_place():
    """A release changes one line; no page or file repeats the version of the code."""
    pages = [ROOT / name for name in ("pyproject.toml", "README.md", "Dockerfile", "docker-compose.yml")]
    assert [
        it.name for it in (*pages, *(ROOT / "docs").glob("*.md")) if fla_gateway.__version__ in it.read_text()
    ] == []


def test_the_security_policy_names_the_deadlines_of_the_regulation():
    """A manufacturer who ships the gateway finds what is to be reported, until when, and since when."""
    policy = read("SECURITY.md")
    assert "11 September 2026" in policy
    assert all(deadline in policy for deadline in ("24 hours", "72 hours", "14 days", "one month"))
