from __future__ import annotations

from tests.support.configurations import EMPLOYER

SECOND = EMPLOYER.replace("employer]", "second]")


def test_tables_of_several_files_join(folder):
    """Profiles, keys and the keys of one table may be spread over files; the files are listed in order."""
    folder.write(SECOND, "profiles.d/b.toml")
    folder.write("[gateway]\ndrain_seconds = 3\n[gateway.pool]\nqueue = 7", "profiles.d/a.toml")
    settings = folder.load(f'include = ["profiles.d/*.toml"]\n[gateway.pool]\nconnections = 5\n{EMPLOYER}')
    gateway = settings.configuration.gateway
    assert list(settings.configuration.profiles) == ["employer", "second"]
    assert (gateway.drain_seconds, gateway.pool.connections, gateway.pool.queue) == (3, 5, 7)
    assert [path.name for path in settings.sources] == ["gateway.toml", "a.toml", "b.toml"]


def test_the_same_name_twice_names_both_files(folder):
    """A profile, and a value of a table for the whole gateway, belongs to one file."""
    folder.write(f"[gateway]\ndrain_seconds = 25\n{EMPLOYER}", "more.toml")
    faults = folder.faults(f'include = ["more.toml"]\n[gateway]\ndrain_seconds = 25\n{EMPLOYER}')
    assert [str(fault) for fault in faults] == [
        "more.toml: gateway.drain_seconds: is written twice, in gateway.toml and in more.toml (keep one of the two)",
        "more.toml: profiles.employer: is written twice, in gateway.toml and in more.toml (keep one of the two)",
    ]


def test_a_file_is_read_once(folder):
    """Patterns that meet, or that match the including file, do no harm."""
    folder.write(SECOND, "more.toml")
    settings = folder.load(f'include = ["*.toml", "more.toml"]\n{EMPLOYER}')
    assert len(settings.sources) == 2


def test_an_absolute_pattern_and_odd_directory_names_work(tmp_path):
    """A directory whose name looks like a pattern is taken as it is."""
    from tests.support.configurations import Folder  # noqa: PLC0415 - beside its only use

    odd = tmp_path / "a[b]*"
    odd.mkdir()
    folder = Folder(odd)
    folder.write(SECOND, "more.toml")
    folder.write(SECOND.replace("second", "third"), "../third.toml")
    settings = folder.load(f'include = ["m*.toml", "{tmp_path}/third.toml"]\n{EMPLOYER}')
    assert list(settings.configuration.profiles) == ["employer", "second", "third"]


def test_a_pattern_without_a_match_is_a_warning_and_a_missing_file_a_fault(folder):
    """An empty profiles.d is allowed; a file that was named must be there."""
    (warning,) = folder.load(f'include = ["profiles.d/*.toml"]\n{EMPLOYER}').warnings
    assert warning.place == "gateway.toml: include"
    assert "does not exist" in folder.fault(f'include = ["profiles.d/a.toml"]\n{EMPLOYER}')


def test_an_included_file_includes_nothing(folder):
    """Only the first file includes others."""
    folder.write(f'include = ["gateway.toml"]\n{SECOND}', "more.toml")
    fault = folder.fault(f'include = ["more.toml"]\n{EMPLOYER}')
    assert fault.startswith("more.toml: include: an included file cannot include others")


def test_a_broken_file_does_not_make_its_names_unknown(folder):
    """Where a file cannot be read, names that may stand in it are not reported as unknown."""
    folder.write("= broken", "keys.toml")
    profile = EMPLOYER.replace('{ pem = "employer.key.pem" }', '"acme"')
    assert folder.fault(f'include = ["keys.toml"]\n{profile}').startswith("keys.toml: the file is not valid TOML")
