"""Root: which user has the other end of a connection within this machine.

Owns the joining of the status page's memory with the reading of the kernel's tables. Refuses to do either.
"""

from __future__ import annotations

from typing import Any


def user_of(client: tuple[Any, ...], server: tuple[Any, ...]) -> int | None:
    """Find the user of the client's end; None if it is not known. Reads files of the kernel: call it in a thread.

    Args:
        client: address of the end whose user is looked for, as `socket.getpeername` gives it.
        server: address of the other end.
    """
    from fla_gateway.admin.peer_uid import Endpoint, uid_of  # noqa: PLC0415 - rarely needed
    from fla_gateway.system.peer_credentials import overflow_ids  # noqa: PLC0415 - as above

    uid = uid_of(Endpoint(client[0], client[1]), Endpoint(server[0], server[1]))
    return None if uid == overflow_ids().uid else uid
