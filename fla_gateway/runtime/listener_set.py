"""Root: the listeners of the data path, bound for as long as configurations name them.

Owns which addresses are bound, what a generation has to know of each, and what becomes of each when another
configuration takes over: it stays, it is new, it goes, or its socket goes on under other rules. Refuses to know how an
address is bound (`listeners.bind`), how callers are accepted (`listeners.acceptor`) and what is served.

A change is prepared first, which may fail and changes nothing that callers meet; then it is carried out in two steps
around the publication of a generation: what goes stops before, what is new accepts afterwards.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import replace

import structlog

from fla_gateway.config.document.file_snapshot import FileSnapshot
from fla_gateway.config.gateway_tables import ListenerTls
from fla_gateway.config.rules.inherited_listeners import inherited_faults
from fla_gateway.config.rules.listener_specs import ListenerSpec, admin_listener_spec, listener_specs
from fla_gateway.config.values.address import DescriptorAddress, UnixAddress, clash
from fla_gateway.errors import ConfigurationError, Fault, InUseError, reason_of
from fla_gateway.i18n.message import Message, Text
from fla_gateway.lean_dataclass import dataclass
from fla_gateway.listeners.acceptor import Listeners
from fla_gateway.listeners.bind import Bound, bind
from fla_gateway.listeners.socket_activation import INHERITED
from fla_gateway.listeners.unix_socket import FileIdentity, change_mode
from fla_gateway.proxy.generation import ServedListener
from fla_gateway.proxy.server import Server
from fla_gateway.runtime.composition.listener_address import ListenerAddress
from fla_gateway.runtime.composition.resolved_config import Configured

_LOG = structlog.get_logger()
TlsFiles = tuple[ListenerTls, tuple[str, ...]]
"""What the TLS context of a listener is made of: its table, and the digest of each file."""


@dataclass(frozen=True, slots=True, eq=False)
class OpenListener:
    """A socket that is bound for a listener of the configuration.

    Attributes:
        spec: the entry of the configuration.
        bound: the socket.
        served: what its connections are served by.
        tls_files: what its TLS context was made of; None for plain HTTP.
    """

    spec: ListenerSpec
    bound: Bound
    served: ServedListener
    tls_files: TlsFiles | None

    @property
    def address(self) -> ListenerAddress:
        """What a generation has to know of it."""
        roots: frozenset[bytes] = getattr(self.bound.tls, "client_roots", frozenset())
        return ListenerAddress(self.bound.address, self.bound.tls is not None, self.spec.profile, roots)


@dataclass(frozen=True, slots=True)
class ListenerChange:
    """What becomes of the listeners when a configuration takes over.

    Attributes:
        after: the listeners afterwards, in the order of the configuration.
        new: those of them that do not accept yet.
        bound: those of them whose socket is new.
        reused: those of them whose socket was another listener's.
        gone: listeners of before that end.
    """

    after: tuple[OpenListener, ...]
    new: tuple[OpenListener, ...]
    bound: tuple[OpenListener, ...]
    reused: tuple[OpenListener, ...]
    gone: tuple[OpenListener, ...]

    @property
    def addresses(self) -> tuple[ListenerAddress, ...]:
        """What the next generation has to know."""
        return tuple(it.address for it in self.after)

    def undo(self) -> None:
        """Release what was bound for it; nothing else has changed."""
        for listener in self.bound:
            listener.bound.release()


class ListenerSet:
    """The listeners of the process.

    Attributes:
        listeners: those that are bound, in the order of the configuration.
        acceptor: accepts on them.
    """

    def __init__(self, server: Server) -> None:
        """Begin without any; `server` makes the protocols of their connections."""
        self.listeners: tuple[OpenListener, ...] = ()
        self.acceptor = Listeners(())
        self._server = server
        self._missed: set[FileIdentity] = set()

    @property
    def addresses(self) -> tuple[ListenerAddress, ...]:
        """What a generation has to know of them."""
        return tuple(it.address for it in self.listeners)

    def prepare(self, configured: Configured) -> ListenerChange:
        """Bind what is new, and find out what stays; nothing that callers meet changes.

        Raises:
            ConfigurationError: with every address that cannot be had and every TLS file that cannot be used; nothing
                is bound then that was not before.
        """
        return _Preparation(self.listeners, configured).run()

    def stop(self, change: ListenerChange) -> None:
        """Carry out the first half of a change: what goes accepts no more, and serves no further head.

        Raises:
            ConfigurationError: a socket's file cannot get its mode or group; nothing has changed then.
        """
        former = {it.bound.sock: it for it in change.gone}
        for number, listener in enumerate(change.reused, 1):
            try:
                _apply_mode(listener)
            except ConfigurationError:
                for changed in change.reused[:number]:
                    with contextlib.suppress(ConfigurationError):
                        _apply_mode(former[changed.bound.sock])
                raise
        for listener in change.gone:
            self.acceptor.remove(listener.bound)
            self._server.retire(listener.served)

    def begin(self, change: ListenerChange) -> None:
        """Carry out the second half, after publication; what is new accepts from `Listeners.open` on."""
        reused = {it.bound.sock for it in change.reused}
        for listener in change.gone:
            if listener.bound.sock not in reused:
                listener.bound.release()
        for listener in change.reused:
            _turn_away_queued(listener.bound)
        for listener in change.new:
            self.acceptor.add(listener.bound, self._server.protocol(listener.served))
        before = {it.served: it for it in self.listeners}
        for listener in change.after:
            old = before.get(listener.served)
            if old is not None and old.bound is not listener.bound and listener.bound.tls is not None:
                self.acceptor.renew(listener.bound)
        self.listeners = change.after

    async def restore_files(self) -> None:
        """Bind Unix sockets anew whose file something has removed: no caller finds them any more.

        Their connections go on. A file that another program has put in the place is left alone.
        """
        bound_anew = False
        for listener in self.listeners:
            file, found = listener.bound.file, listener.bound.file_in_place
            if file is None or found == file or self.acceptor.closed:
                continue
            if found is not None:
                self._miss(listener, file, Text("another file is in its place"))
                continue
            try:
                (bound,) = bind(listener.spec.listener, listener.spec.place)
            except ConfigurationError as error:
                self._miss(listener, file, error.faults[0].message)
            else:
                self._missed.discard(file)
                self._replace(listener, replace(listener, bound=bound))
                _LOG.warning("socket-made-again", address=str(bound.address))
                bound_anew = True
        if bound_anew:
            await self.acceptor.open()

    def _replace(self, before: OpenListener, after: OpenListener) -> None:
        self.acceptor.remove(before.bound)
        before.bound.release()
        self.acceptor.add(after.bound, self._server.protocol(after.served))
        self.listeners = tuple(after if it is before else it for it in self.listeners)

    def _miss(self, listener: OpenListener, file: FileIdentity, reason: str) -> None:
        if file not in self._missed:
            self._missed.add(file)
            _LOG.error("socket-missing", address=str(listener.bound.address), reason=reason)

    def close(self) -> None:
        """Stop accepting for good, and release the sockets."""
        self.acceptor.close()


def unavailable(configured: Configured) -> tuple[Fault, ...]:
    """Bind every listener as a start does, and release it again; return why one cannot be had."""
    try:
        _Preparation((), configured).run().undo()
    except ConfigurationError as error:
        return error.faults
    return ()


class _Preparation:
    """One run of `ListenerSet.prepare`."""

    def __init__(self, before: tuple[OpenListener, ...], configured: Configured) -> None:
        self._left = list(before)
        self._configuration = configured.settings.configuration
        self._read = configured.files
        self._faults: list[Fault] = []
        self._only_in_use = True
        self._after: list[OpenListener] = []
        self._new: list[OpenListener] = []
        self._bound: list[OpenListener] = []
        self._reused: list[OpenListener] = []
        self._gone: list[OpenListener] = []

    def run(self) -> ListenerChange:
        self._judge_passed()
        try:
            # All that has an heir first, so that what is left goes.
            matches = [(spec, self._heirs(spec)) for spec in listener_specs(self._configuration)]
            self._gone += self._left
            for spec, old in matches:
                try:
                    self._go_on(spec, old) if old else self._bind(spec)
                except ConfigurationError as error:
                    self._faults += error.faults
                    self._only_in_use = self._only_in_use and isinstance(error, InUseError)
        except BaseException:
            self._change().undo()
            raise
        if self._faults:
            self._change().undo()
            raise (InUseError if self._only_in_use else ConfigurationError)(tuple(self._faults))
        return self._change()

    def _judge_passed(self) -> None:
        """Judge the sockets that the service manager passes: what they are is known here at the earliest."""
        listeners = [
            it.address for it in (*listener_specs(self._configuration), admin_listener_spec(self._configuration))
        ]
        passed = INHERITED.described(wanted=any(isinstance(it, DescriptorAddress) for it in listeners))
        faults = tuple(inherited_faults(self._configuration, passed))
        if faults:
            raise ConfigurationError(faults)

    def _change(self) -> ListenerChange:
        return ListenerChange(
            tuple(self._after), tuple(self._new), tuple(self._bound), tuple(self._reused), tuple(self._gone)
        )

    def _heirs(self, spec: ListenerSpec) -> list[OpenListener]:
        """Take the sockets of before that have the address of a listener; of several, those of the same place."""
        same = [it for it in self._left if it.spec.address == spec.address]
        found = [it for it in same if it.spec.place == spec.place] or [
            it for it in same if it.spec.place == same[0].spec.place
        ]
        self._left = [it for it in self._left if it not in found]
        return found

    def _go_on(self, spec: ListenerSpec, old: list[OpenListener]) -> None:
        tls, files = _tls(spec, old[0], self._read)
        same = _rules(spec) == _rules(old[0].spec)
        for before in old:
            bound = before.bound if tls is before.bound.tls else replace(before.bound, tls=tls)
            after = OpenListener(spec, bound, before.served if same else ServedListener(), files)
            self._after.append(after)
            if not same:
                self._new.append(after)
                self._reused.append(after)
                self._gone.append(before)

    def _bind(self, spec: ListenerSpec) -> None:
        address = spec.address
        overlapping = [it.bound for it in self._gone if address is not None and clash(address, it.bound.address)]
        files = _files(spec.listener.tls, self._read)
        for bound in bind(spec.listener, spec.place, self._read, overlapping=overlapping):
            listener = OpenListener(spec, bound, ServedListener(), files)
            self._after.append(listener)
            self._new.append(listener)
            self._bound.append(listener)


def _rules(spec: ListenerSpec) -> tuple[object, ...]:
    """What decides who may connect to an address, and how: if it changes, open connections end."""
    unix = isinstance(spec.address, UnixAddress)
    return (spec.listener.tls is not None, spec.mode if unix else None, spec.listener.group if unix else None)


def _tls(spec: ListenerSpec, old: OpenListener, read: FileSnapshot) -> tuple[ssl.SSLContext | None, TlsFiles | None]:
    """Return the TLS context of a listener that goes on; the same one while its files are the same."""
    tls = spec.listener.tls
    if tls is None:
        return None, None
    files = _files(tls, read)
    if files == old.tls_files:
        return old.bound.tls, files
    from fla_gateway.listeners.tls_context import server_context  # noqa: PLC0415 - read where TLS is spoken

    return server_context(tls, f"{spec.place}.tls", read), files


def _files(tls: ListenerTls | None, read: FileSnapshot) -> TlsFiles | None:
    if tls is None:
        return None
    paths = (tls.certificate, tls.key, tls.password_file, tls.client_ca)
    return tls, tuple("" if path is None else read.sha256(path).hex() for path in paths)


def _apply_mode(listener: OpenListener) -> None:
    spec = listener.spec
    address = spec.address
    # The file of a socket that was passed belongs to the service manager.
    if not isinstance(address, UnixAddress):
        return
    try:
        change_mode(address.path, spec.mode, spec.listener.group, spec.place)
    except OSError as error:
        message = Message(
            "socket-mode-unchanged",
            "the mode of {address} cannot be changed: {reason}",
            address=str(address),
            reason=reason_of(error),
        )
        fault = Fault(spec.place, message, Text("restart the gateway"))
        raise ConfigurationError((fault,)) from None


def _turn_away_queued(bound: Bound) -> None:
    """Close the connections that wait to be accepted: they were made while other rules were in force."""
    bound.sock.settimeout(0)
    with contextlib.suppress(OSError):
        while True:
            bound.sock.accept()[0].close()
