"""The loop of a simulator process: one line, one control endpoint, one device."""

import os
import selectors
import signal
import socket
import sys
import time
from typing import Any

from npr_simulators.bench import Bench, build_bench
from npr_simulators.endpoint import ControlEndpoint
from npr_simulators.faults import Fault
from npr_simulators.links import LineLost, open_line
from npr_simulators.options import Options
from npr_simulators.outbox import Outbox, Outgoing
from npr_simulators.watchdog import LOOK_S

IDLE_LOOK_S = 0.050
PARENT_LOOK_S = 1.0
DRAIN_READS = 64
TURN_WORK_S = 0.004
"""Device time is made in pieces this long, so that input is looked at well within 10 ms."""
PACED_LOOK_S = 0.002


class SimulatorProcess:
    """The loop. Everything it touches is non-blocking; only `select` waits."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._selector = selectors.DefaultSelector()
        self._line = open_line(options.listen, options.link)
        try:
            self._bench = build_bench(options, now_s=time.monotonic())
        except BaseException:
            self._line.close()
            raise
        self._endpoint = ControlEndpoint(self._selector, self._bench.answer)
        self._outbox = Outbox()
        self._watched: tuple[int, int] | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0.0)
        self._wake_write.settimeout(0.0)
        self._selector.register(self._wake_read, selectors.EVENT_READ, lambda mask: None)
        self._stop_asked = False
        self._hung_until_s = 0.0
        self._parent_look_s = 0.0
        self._was_child = options.exit_with is not None and os.getppid() == options.exit_with

    @property
    def bench(self) -> Bench:
        """The device and the patient."""
        return self._bench

    def facts(self) -> dict[str, Any]:
        """The first line on stdout."""
        options = self._options
        uri = f"frontend@{self._line.address}?control={self._endpoint.address}"
        if options.speed is not None:
            uri += f"&speed={options.speed_text}"
        facts: dict[str, Any] = {
            "uri": uri,
            "uris": {"frontend": uri},
            "control": self._endpoint.address,
            "patient": options.patient,
            "seed": options.seed,
            "speed": options.speed_text,
            "side": options.side.value,
            "pid": os.getpid(),
        }
        if options.link is not None:
            facts["link"] = str(options.link)
        if options.truth is not None:
            facts["truth"] = str(options.truth)
        return facts

    def stop(self) -> None:
        """End the loop at its next turn; may be called from a signal handler or another thread."""
        self._stop_asked = True
        try:
            self._wake_write.send(b"\0")
        except OSError:  # full or closed: then the loop wakes, or has ended, anyway
            return

    def run(self) -> int:
        """Serve until stopped; returns the exit code."""
        more = False
        while not (self._stop_asked or self._bench.quit_asked or self._orphaned()):
            self._watch_line()
            for key, mask in self._selector.select(0.0 if more else self._wait_s()):
                key.data(mask)
            if self._hung():
                more = False
                continue
            more = self._turn()
        return 0

    def _turn(self) -> bool:
        # The clock is read before the input is drained: a beat that has arrived by then counts.
        now_s = time.monotonic()
        drained = self._drain(now_s)
        if drained and self._bench.device.watch(now_s):
            self._outbox.drop_samples()
        more = self._run_device(now_s)
        self._collect()
        self._flush()
        self._strike_all(self._bench.due_by_time())
        if self._bench.link_reset_asked:
            self._bench.link_reset_asked = False
            self._line_lost()
        return more or not drained

    def _run_device(self, now_s: float) -> bool:
        bench = self._bench
        if bench.pace.lock_step and self._outbox.full:
            return False
        target = bench.pace.target_ticks(bench.device, now_s)
        until = time.monotonic() + TURN_WORK_S
        more = True
        while more and time.monotonic() < until:
            bench.device.wire.queued_bytes = self._outbox.unsent_bytes
            more = bench.device.step(min(target, bench.next_fault_ticks())) or bench.device.ticks < target
            # a fault at a moment strikes what comes after it, so the frames are taken before
            self._strike_all(bench.due_by_stimulus())
            self._collect()
            self._strike_all(bench.due_by_time())
            if self._hung():
                return False
            if bench.pace.lock_step and self._outbox.full:
                return False
        if not more and bench.pace.lock_step:
            bench.device.flush_partial_block()
        return more

    def _collect(self) -> None:
        if self._bench.device.wire.take_greeting():
            # a new client: nothing of the old one's may reach it; the delimiter ends a half-sent frame
            self._outbox.clear()
            self._line.discard()
            self._outbox.put(Outgoing(b"\0", samples=False))
        for frame in self._bench.device.wire.take_outgoing():
            wire = self._bench.spoiled(frame) if frame.samples else frame.wire
            if wire:
                self._outbox.put(Outgoing(wire, frame.samples))

    def _drain(self, now_s: float) -> bool:
        if not self._line.connected and not self._line.accept():
            return True
        try:
            for _ in range(DRAIN_READS):
                data = self._line.read()
                if not data:
                    return True
                self._bench.device.receive(data, now_s)
                self._collect()
        except LineLost:
            self._line_lost()
            return True
        return False

    def _flush(self) -> None:
        try:
            while self._line.connected and (piece := self._outbox.next()) is not None:
                n = self._line.write(piece)
                if not n:
                    return
                self._outbox.sent(n)
        except LineLost:
            self._line_lost()

    def _line_lost(self) -> None:
        self._forget_line()
        self._line.disconnect()
        self._bench.device.link_lost()
        self._bench.device.wire.take_outgoing()
        self._outbox.clear()

    def _strike_all(self, faults: list[Fault]) -> None:
        for fault in faults:
            self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        match fault.layer, fault.what:
            case "link", _:
                self._line_lost()
            case "process", "exit":
                os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            case "process", "hang":
                self._hung_until_s = time.monotonic() + fault.seconds
                self._forget_line()
            case _:
                self._bench.strike(fault)

    def _hung(self) -> bool:
        return time.monotonic() < self._hung_until_s

    def _wait_s(self) -> float:
        hung_s = self._hung_until_s - time.monotonic()
        if hung_s > 0:
            return min(hung_s, IDLE_LOOK_S)
        device = self._bench.device
        if device.streaming and not self._bench.pace.lock_step:
            return PACED_LOOK_S
        return LOOK_S / 2 if device.live else IDLE_LOOK_S

    def _watch_line(self) -> None:
        if self._hung():
            return
        blocked = self._line.connected and self._outbox.next() is not None
        wanted = (self._line.watched(), selectors.EVENT_READ | (selectors.EVENT_WRITE if blocked else 0))
        if wanted != self._watched:
            self._forget_line()
            self._selector.register(wanted[0], wanted[1], lambda mask: None)
            self._watched = wanted

    def _forget_line(self) -> None:
        if self._watched is not None:
            self._selector.unregister(self._watched[0])
            self._watched = None

    def _orphaned(self) -> bool:
        wanted = self._options.exit_with
        now_s = time.monotonic()
        if wanted is None or now_s < self._parent_look_s:
            return False
        self._parent_look_s = now_s + PARENT_LOOK_S
        if self._was_child or sys.platform == "win32":
            return self._was_child and os.getppid() != wanted
        try:
            os.kill(wanted, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def close(self) -> None:
        """Remove every file and close every descriptor; harmless twice."""
        self._forget_line()
        self._endpoint.close()
        self._line.close()
        self._bench.close()
        self._wake_read.close()
        self._wake_write.close()
        self._selector.close()
