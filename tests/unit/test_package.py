"""The package itself."""

import fla_gateway


def test_package_has_a_version():
    """The package names its version."""
    assert fla_gateway.__version__
