"""The loop of a simulator process: a line for each instrument, one control endpoint, one patient."""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from npr_simulators.assembly import build_bench
from npr_simulators.bench import Bench
from npr_simulators.endpoint import ControlEndpoint
from npr_simulators.faults import Fault
from npr_simulators.links import Line, open_line
from npr_simulators.options import Options
from npr_simulators.watchdog import LOOK_S
from npr_simulators.wires import Wire

IDLE_LOOK_S = 0.050
PARENT_LOOK_S = 1.0
TURN_WORK_S = 0.004
"""Device time is made in pieces this long, so that input is looked at well within 10 ms."""
PACED_LOOK_S = 0.002


class SimulatorProcess:
    """The loop. Everything it touches is non-blocking; only `select` waits.

    With `lines` by kind of instrument it serves those, and is a guest of another's process: what would end the process
    ends the loop. It closes them.
    """

    def __init__(self, options: Options, *, lines: Mapping[str, Line] | None = None) -> None:
        self._options = options
        self._guest = lines is not None
        self._selector = selectors.DefaultSelector()
        lines = _open_lines(options) if lines is None else lines
        try:
            self._bench = build_bench(options, now_s=time.monotonic())
        except BaseException:
            for line in lines.values():
                line.close()
            raise
        self._wires = {
            name: Wire(
                name,
                lines[name],
                device,
                self._selector,
                spoil=self._bench.mishaps.spoiled,
                faults=self._bench.mishaps.of_frames[name],
            )
            for name, device in self._bench.instruments.items()
        }
        self._endpoint = ControlEndpoint(self._selector, self._bench.answer)
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
        query = f"control={self._endpoint.address}"
        if options.speed is not None:
            query += f"&speed={options.speed_text}"
        uris = {name: f"frontend@{wire.line.address}?{query}" for name, wire in self._wires.items()}
        facts: dict[str, Any] = {
            "uri": next(iter(uris.values())),
            "uris": uris,
            "control": self._endpoint.address,
            "patient": options.patient,
            "seed": options.seed,
            "speed": options.speed_text,
            "side": options.side.value,
            "pid": os.getpid(),
        }
        facts |= {"visit": options.visit} if options.visit != 1 else {}
        facts |= {"day": options.day} if options.day is not None else {}
        if options.link is not None:
            links = {kind.name: str(options.link_of(kind)) for kind in options.kinds}
            facts |= {"link": next(iter(links.values())), "links": links}
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
            if not self._hung():
                for wire in self._wires.values():
                    wire.watch()
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
        drained = True
        for wire in self._wires.values():
            if not wire.drain(now_s):
                drained = False
            elif wire.device.watch(now_s):
                wire.outbox.drop_samples()
        more = self._run_devices(now_s)
        for wire in self._wires.values():
            wire.collect()
            wire.flush()
        self._strike_all(self._bench.mishaps.due_by_time())
        while self._bench.resets_asked:
            self._wires[self._bench.resets_asked.pop()].lose()
        return more or not drained

    def _run_devices(self, now_s: float) -> bool:
        bench = self._bench
        if self._held_up():
            return False
        target = bench.target_ticks(now_s)
        until = time.monotonic() + TURN_WORK_S
        more = True
        while more and time.monotonic() < until:
            for wire in self._wires.values():
                wire.device.wire.queued_bytes = wire.outbox.unsent_bytes
            more = bench.instruments.step(min(target, bench.mishaps.next_ticks())) or bench.instruments.ticks < target
            # a fault at a moment strikes what comes after it, so the frames are taken before
            self._strike_all(bench.mishaps.due_by_stimulus())
            for wire in self._wires.values():
                wire.collect()
            self._strike_all(bench.mishaps.due_by_time())
            if self._hung() or self._held_up():
                return False
        if not more and bench.lock_step:
            for device in bench.instruments.values():
                device.flush_partial_block()
        return more

    def _held_up(self) -> bool:
        """In lock-step time waits for a client that does not read: nothing may be lost there."""
        return self._bench.lock_step and any(wire.outbox.full for wire in self._wires.values())

    def _strike_all(self, faults: list[Fault]) -> None:
        for fault in faults:
            self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        match fault.layer, fault.what:
            case "link", what:
                wire = self._wires[self._bench.mishaps.struck_by(fault)]
                if what == "stall":
                    wire.stall(fault.direction, fault.seconds)
                else:
                    wire.lose()
            case "process", "exit" if self._guest:
                self._stop_asked = True
            case "process", "exit":
                os.kill(os.getpid(), signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
            case "process", "hang":
                self._hung_until_s = time.monotonic() + fault.seconds
                for wire in self._wires.values():
                    wire.forget()
            case _:
                self._bench.mishaps.strike(fault)

    def _hung(self) -> bool:
        return time.monotonic() < self._hung_until_s

    def _wait_s(self) -> float:
        now_s = time.monotonic()
        hung_s = self._hung_until_s - now_s
        if hung_s > 0:
            return min(hung_s, IDLE_LOOK_S)
        devices = self._bench.instruments.values()
        if any(device.streaming for device in devices) and not self._bench.lock_step:
            wait_s = PACED_LOOK_S
        else:
            wait_s = LOOK_S / 2 if any(device.live for device in devices) else IDLE_LOOK_S
        return min(wait_s, *(wire.again_s(now_s) for wire in self._wires.values()))

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
        for wire in self._wires.values():
            wire.forget()
        self._endpoint.close()
        for wire in self._wires.values():
            wire.close()
        self._bench.close()
        self._wake_read.close()
        self._wake_write.close()
        self._selector.close()


def _open_lines(options: Options) -> dict[str, Line]:
    """A line for each instrument; all or none."""
    lines: dict[str, Line] = {}
    try:
        for kind in options.kinds:
            lines[kind.name] = open_line(options.listen_of(kind), options.link_of(kind))
    except BaseException:
        for line in lines.values():
            line.close()
        raise
    return lines
