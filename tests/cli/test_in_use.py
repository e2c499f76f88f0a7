"""A start that finds its addresses in use names the gateway that has them."""

from __future__ import annotations

from tests.support.configurations import EMPLOYER
from tests.support.process import run


async def test_the_gateway_that_runs_already_is_named(tmp_path):
    """With its process and its environments: the demo, for instance, which was not ended."""
    path = tmp_path / "gateway.toml"
    path.write_text(EMPLOYER + '[gateway]\nlisten = ["127.0.0.1:0"]\n[admin]\nlisten = "127.0.0.1:0"\n')
    async with run(path) as first:
        await first.event("ready")
        admin = first.events("admin-listening")[0]["address"]
        second = tmp_path / "second.toml"
        second.write_text(EMPLOYER + f'[gateway]\nlisten = ["127.0.0.1:{first.port()}"]\n[admin]\nlisten = "{admin}"\n')
        async with run(second) as refused:
            assert await refused.ended() == 75
            said = refused.output
        assert "second.toml:9: admin.listen: cannot listen on 127.0.0.1" in said
        assert f"a gateway runs there already: process {first.pid}, environment simulation" in said
