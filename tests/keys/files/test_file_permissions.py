"""Who else can get at a key: what is worth a warning, and what is how services are given keys."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fla_gateway.config.values.custody import Custody
from fla_gateway.keys.files.file_permissions import exposure

KEY = Path("/srv/keys/acme.pem")
GOOD = Custody(owner=1001, mode=0o600, directory=KEY.parent, directory_mode=0o755, user=1001)


@pytest.mark.parametrize(
    "custody",
    [
        GOOD,
        replace(GOOD, owner=0),
        replace(GOOD, mode=0o400),
        replace(GOOD, mode=0o440, owner=0),
        replace(GOOD, mode=0o640),
        replace(GOOD, directory_mode=0o1777),
        replace(GOOD, directory_mode=0o3777, mode=0o440, owner=0),
        replace(GOOD, directory_mode=0o775),
        None,
    ],
    ids=[
        "own", "root's", "read-only", "fsGroup", "ssl-cert", "sticky", "Kubernetes volume", "group's folder", "unknown",
    ],
)  # fmt: skip
def test_usual_ways_to_hold_a_key_are_no_finding(custody) -> None:
    """One's own or root's, read by a group at most, in a directory where nobody can replace it."""
    assert exposure(KEY, custody) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mode": 0o604}, "can be read by other users of this machine (chmod 600 /srv/keys/acme.pem)"),
        ({"mode": 0o602}, "can be read by other users"),
        ({"mode": 0o660}, "can be changed by every member of its group (chmod 600 /srv/keys/acme.pem)"),
        ({"owner": 1002}, "belongs to another user (uid 1002), who can read and replace it (chown 1001 "),
        ({"directory_mode": 0o777}, "since all of them may write to its directory (chmod o-w /srv/keys)"),
        ({"directory_mode": 0o757}, "since all of them may write to its directory"),
    ],
)
def test_who_else_gets_at_a_key_is_told(changed, said) -> None:
    """In words, with the command that mends it."""
    warning = str(*exposure(KEY, replace(GOOD, **changed)))
    assert warning.startswith("/srv/keys/acme.pem ")
    assert said in warning


def test_everything_is_told_at_once() -> None:
    """Whoever mends one thing need not start again to learn of the next."""
    assert len(exposure(KEY, replace(GOOD, mode=0o666, owner=5, directory_mode=0o777))) == 3


def test_the_directory_is_the_one_that_the_file_lies_in(acme) -> None:
    """A link in a closed directory does not close the one that it leads to."""
    open_folder = acme.path / "open"
    open_folder.mkdir()
    (acme.path / "acme.pem").rename(open_folder / "acme.pem")
    (acme.path / "acme.pem").symlink_to(open_folder / "acme.pem")
    open_folder.chmod(0o777)
    (warning,) = acme.load(pem="acme.pem", certificate="acme.cer").warnings
    assert f"chmod o-w {open_folder.resolve()}" in str(warning)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_of_a_file_is_looked_at(acme) -> None:
    """Of the key and of the file with its password."""
    os.chown(acme.path / "acme.pem", 12_345, -1)
    (warning,) = acme.load(pem="acme.pem", certificate="acme.cer").warnings
    assert "belongs to another user (uid 12345)" in str(warning)
