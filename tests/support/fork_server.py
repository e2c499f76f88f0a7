"""Program: an interpreter that has imported the gateway, and forks a process of `fla-gateway` for each request.

A start costs half a second of imports; a fork of one that has them costs none. What a process can see of its start is
set as for a new one: words, environment, folder, standard streams, descriptors.

Each request is one message on standard input, a socket: the words, the folder and the environment as JSON, with
descriptors: a socket that learns the process id and, at the end, the exit code as `subprocess` has it; standard input,
output and error; and sockets that the process gets as from systemd, of which the environment has the names.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import runpy
import select
import socket
import sys
from dataclasses import dataclass

import aiohttp.web  # noqa: F401 - what follows is imported to be there
import uvloop  # noqa: F401 - as above

import fla_gateway.admin.status_routes
import fla_gateway.cli.main
import fla_gateway.cli.reload
import fla_gateway.cli.run
import fla_gateway.cli.sandbox
import fla_gateway.oauth.client
import fla_gateway.runtime.assembly
import fla_gateway.runtime.reload
import fla_gateway.runtime.startup  # noqa: F401 - as above

LARGEST = 1 << 20
STANDARD = 3
_DESCRIPTORS = 16


@dataclass
class Job:
    """What a child does."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    descriptors: list[int]


def serve(requests: socket.socket) -> Job | None:
    """Fork for each request until there is no one to send any; give a child its job, and None at the end."""
    waiting: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in waiting:
                poll.unregister(descriptor)
                _report_end(descriptor, *waiting.pop(descriptor))
                continue
            message, descriptors, _, _ = socket.recv_fds(requests, LARGEST, _DESCRIPTORS)
            if not message:
                return None
            child = os.fork()
            if not child:
                return Job(**json.loads(message), descriptors=descriptors[1:])
            for one in descriptors[1:]:
                os.close(one)
            report = socket.socket(fileno=descriptors[0])
            report.send(b"%d\n" % child)
            waiting[_watch(poll, child)] = (child, report)


def _watch(poll: select.poll, child: int) -> int:
    descriptor = os.pidfd_open(child)
    poll.register(descriptor, select.POLLIN)
    return descriptor


def _report_end(descriptor: int, child: int, report: socket.socket) -> None:
    os.close(descriptor)
    _, status = os.waitpid(child, 0)
    with report:
        report.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def become(job: Job) -> None:
    """Make this process what a new one would be."""
    # Above all numbers that they are to have.
    high = [fcntl.fcntl(it, fcntl.F_DUPFD, 100) for it in job.descriptors]
    for number, descriptor in enumerate(high):
        os.dup2(descriptor, number)
    os.closerange(len(high), os.sysconf("SC_OPEN_MAX"))
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        before = getattr(sys, name)
        buffering = 1 if name == "stderr" else -1
        stream = open(number, mode, buffering, before.encoding, before.errors, closefd=False)  # noqa: SIM115 - for good
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(job.folder)
    os.environ.clear()
    if len(high) > STANDARD:
        os.environ.update({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high) - STANDARD)})
    os.environ.update(job.environment)
    # As `python -m` has it.
    sys.path[0] = job.folder
    sys.argv = ["-m", *job.words]


if __name__ == "__main__":
    # Otherwise each process would look through all of it when it ends, and so copy it: a quarter of a second.
    gc.freeze()
    with socket.socket(fileno=0) as channel:
        job = serve(channel)
        if job is not None:
            become(job)
            channel.detach()
    if job is not None:
        # Here, so that nothing is on the stack, and the process ends as any other.
        runpy.run_module("fla_gateway", run_name="__main__", alter_sys=True)
