"""One shock, from programming to the measured sweep; the only place that arms and fires."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from npr_daq.anatomy import Muscle
from npr_daq.device.interlock import InterlockEvent
from npr_daq.engine import events as ev
from npr_daq.engine.books import ABORTED, Books, flowed
from npr_daq.engine.clipping import clipped_in_window
from npr_daq.engine.effects import Shot
from npr_daq.engine.guard import Guard
from npr_daq.engine.ports import ExamJournal, Measurement
from npr_daq.engine.reading import Reading, Response
from npr_daq.engine.steps import Reflex, SiteSeries
from npr_daq.engine.stream import POLL_S, Bench, Interruption
from npr_daq.engine.sweeper import POST_MS, Window
from npr_daq.errors import InstrumentError, NprError, Refused, SafetyTrip, TimedOut, TransportError
from npr_daq.montage import Montage
from npr_daq.recording import Capture, PulseReport, Sweep

MARGIN_LOCK_STEP_MS = 40.0
MARGIN_WALL_MS = 80.0
"""How far ahead FIRE names its sample; the device wants 20 ms, the rest is for the way there."""
LEAD_LOCK_STEP_MS = 60.0
LEAD_WALL_MS = 250.0
"""How long before the shock the pulse is programmed and the intent made durable."""
ARMING_MS = 20.0
"""What arming takes of the interval of a train, beyond the margin."""
LATE_MS, LATE_S = 200.0, 0.5
"""How long a report and a window are waited for after an interruption: beyond the window, or in silence."""
REPORT_MS, REPORT_S = 2000.0, 2.0
"""How long a report is waited for after its window has come: device time, or time without samples."""


class Shooter:
    """Gives shocks one at a time; keeps the interval between two of them."""

    def __init__(
        self,
        bench: Bench,
        guard: Guard,
        *,
        journal: ExamJournal,
        montage: Montage,
        measurement: Measurement,
        reflexes: Measurement | None = None,
    ) -> None:
        self._bench = bench
        self._guard = guard
        self._montage = montage
        self._measurement = measurement
        self._reflexes = measurement if reflexes is None else reflexes
        self._floors_mv: Mapping[Muscle, float] = {}
        self._last: tuple[int, int] | None = None
        self._onset: tuple[int, float] | None = None
        self.books = Books(journal, boot_id=bench.device.capabilities.boot_id)

    def learn_noise(self, noise: Capture, step: SiteSeries) -> Mapping[Muscle, float]:
        """Learn from the noise before a site's first shock what is no response there; the floors in mV."""
        self._floors_mv = self._measured(step).floors_mv(noise, step.side, step.watched)
        return self._floors_mv

    def prepare(self, shot: Shot) -> None:
        """Wait until shortly before the shock is due, then program the pulse. Raises Interruption; nothing is armed."""
        bench = self._bench
        shot.limits.check(shot.stimulus, rate_hz=1.0 / shot.interval_s)
        lead = bench.samples(LEAD_WALL_MS if bench.clock.wall else LEAD_LOCK_STEP_MS)
        bench.pump(0.0)
        bench.check()
        bench.wait_until(self._due(shot) - lead)
        bench.check()
        bench.device.configure(shot.stimulus)

    def fire(self, shot: Shot) -> list[ev.Event]:
        """Arm, fire once, collect, store, measure. What is returned says exactly how the intent ended.

        Its outcome is in the journal when this returns or raises, except where the journal itself failed; where it
        raises, `books.ended` says the same.
        """
        self.books.open(shot)
        try:
            return self._give(shot)
        except BaseException as error:
            # Ctrl-C too: safe first, then the books, by what is in hand.
            try:
                self._guard.make_safe()
            finally:
                said = str(error) if isinstance(error, NprError) else f"the program broke off ({type(error).__name__})"
                with suppress(Exception):
                    # The report of a pulse that was aborted just now.
                    self._bench.pump(0.0)
                with suppress(Exception):
                    self.books.settle(self._bench.reports.get(shot.stim_seq), said)
            raise

    def _give(self, shot: Shot) -> list[ev.Event]:
        bench = self._bench
        interrupted: ev.Event | None = None
        try:
            bench.pump(0.0)
            # The device refuses to arm before the interval since the last onset has passed (wire document 6.4).
            bench.wait_until(self._due(shot) - self._early(shot))
            bench.check()
            with self._armed():
                self._shoot(shot)
                self._collect(shot)
            # The device disarms itself with its one pulse; the interlock follows the report.
            if shot.stim_seq in bench.reports:
                self._guard.move(InterlockEvent.REPORT)
        except _NotFired as refusal:
            return self._not_fired(shot, str(refusal))
        except (Interruption, KeyboardInterrupt) as stop:
            self._guard.make_safe()
            interrupted = stop.event if isinstance(stop, Interruption) else ev.StopPressed("interrupted")
        except TimedOut as silence:
            if not self._guard.answers():
                raise
            # It was this host that was held up: the device answers again, and has long been safe by its watchdog.
            interrupted = ev.Tripped(str(silence))
        if interrupted is not None:
            if not self.books.fired:
                return self._not_fired(shot, "interrupted before it was fired", because=interrupted)
            self._late(shot)
        return self._ended(shot, interrupted)

    def _ended(self, shot: Shot, interrupted: ev.Event | None) -> list[ev.Event]:
        """FIRE went out: by what came, what it was."""
        bench = self._bench
        report, window = bench.reports.get(shot.stim_seq), bench.windows.get(shot.stim_seq)
        if report is None:
            if interrupted is None:
                self._guard.move(InterlockEvent.EXPIRE)
                self._guard.make_safe()
            text = f"stimulus {shot.stim_seq}: no report came; whether it was delivered is unknown"
            lost = replace(self.books.settle(None, text), explained=interrupted is not None)
            return [lost] if interrupted is None else [lost, bench.settled(interrupted) or interrupted]
        if not flowed(report):
            return self._not_fired(shot, ABORTED, report, because=interrupted)
        self._last = (bench.started().stream_id, report.onset_sample)
        if window is None:
            text = f"stimulus {shot.stim_seq}: delivered, but its samples did not come"
            why = interrupted or ev.Tripped(text)
            return [self.books.settle(report, text), bench.settled(why) or why]
        if interrupted is not None:
            bench.hold(interrupted)
        return [self._store(shot, report, window)]

    def _due(self, shot: Shot) -> int:
        """The first sample at which the interval since the last onset has passed; a new stream waits a whole one.

        The device arms from then on, and FIRE is some time ahead: the shocks are a little further apart than that.
        """
        bench = self._bench
        interval = bench.samples(shot.interval_s * 1e3)
        stream_id = bench.started().stream_id
        if self._last is None:
            return 0
        if self._last[0] == stream_id:
            # Onsets have a fraction: one sample more, so that two are never closer than the interval.
            return self._last[1] + interval + 1
        return interval

    def _early(self, shot: Shot) -> int:
        """How long before the interval has passed arming begins: in a train in time to fire on its sample.

        Not before the interval of the device's limit has passed: it would refuse, again and again.
        """
        if shot.spacing is None or not shot.spacing.exact:
            return 0
        allowed_s = shot.spacing.interval_s - 1.0 / shot.spacing.limits.max_rate_hz
        wanted = self._bench.samples(ARMING_MS) + self._margin(shot)
        return max(0, min(wanted, self._bench.samples(1e3 * allowed_s)))

    def _margin(self, shot: Shot) -> int:
        """How far ahead FIRE names its sample."""
        bench = self._bench
        return bench.samples((MARGIN_WALL_MS if bench.clock.wall else MARGIN_LOCK_STEP_MS) * 2**shot.attempt)

    @contextmanager
    def _armed(self) -> Iterator[None]:
        """Armed inside; no garbage collection there, so that nothing stops the beats."""
        collecting = gc.isenabled()
        gc.disable()
        self._bench.armed = True
        try:
            try:
                self._guard.arm()
            except InstrumentError as refusal:
                raise _NotFired(f"arming refused: {refusal}") from refusal
            self._bench.device.progress()
            yield
        finally:
            self._bench.armed = False
            if collecting:
                gc.enable()

    def _shoot(self, shot: Shot) -> None:
        bench = self._bench
        bench.pump(0.0)
        bench.check()
        at = max(self._due(shot), bench.ahead + self._margin(shot))
        self._guard.move(InterlockEvent.FIRE)
        # From here on it may have been delivered there, whether a report says so or not.
        before, self._last, self.books.fired = self._last, (bench.started().stream_id, at), True
        try:
            bench.device.fire(shot.stim_seq, at)
        except Refused as refusal:
            self._last, self.books.fired = before, False
            raise _NotFired(f"not fired: {refusal}") from refusal
        except InstrumentError as confused:
            # An answer that makes no sense says nothing about the pulse.
            raise TimedOut(f"no understandable answer to FIRE: {confused}") from confused
        bench.run_to(at + bench.samples(POST_MS) + 1)

    def _collect(self, shot: Shot) -> None:
        """Wait for report and window; for the report a while longer than for the samples, as the device counts."""
        bench = self._bench
        windowed = self._fired_at + bench.samples(POST_MS)
        last = windowed + bench.samples(REPORT_MS)
        while not self._in_hand(shot) and bench.now < last:
            if bench.now > windowed:
                bench.run_to(last)
            bench.pump(POLL_S)
            bench.device.progress()
            if shot.stim_seq not in bench.reports:
                bench.check()
                if shot.stim_seq in bench.windows and bench.silent_s >= REPORT_S:
                    return
            elif isinstance(bench.held, ev.Tripped | ev.Latched):
                # Delivered and reported; the samples of its window may still be on their way.
                self._late(shot)
                return

    def _late(self, shot: Shot) -> None:
        """Wait for what can still be had of report and window after an interruption, with an end."""
        bench = self._bench
        last = self._fired_at + bench.samples(POST_MS + LATE_MS)
        bench.silent_s = 0.0
        with suppress(TransportError):
            bench.run_to(last)
            while not self._in_hand(shot) and bench.now < last and bench.silent_s < LATE_S:
                bench.pump(POLL_S)

    @property
    def _fired_at(self) -> int:
        """The sample that the last FIRE named."""
        assert self._last is not None
        return self._last[1]

    def _in_hand(self, shot: Shot) -> bool:
        """Whether all has come: the report and, where current flowed, the window."""
        report = self._bench.reports.get(shot.stim_seq)
        return report is not None and (shot.stim_seq in self._bench.windows or not flowed(report))

    def _not_fired(
        self, shot: Shot, text: str, report: PulseReport | None = None, *, because: ev.Event | None = None
    ) -> list[ev.Event]:
        """Safe first, then the books, then why: a trip explains a refusal.

        SafetyTrip where nothing would stop the run and the device does not confirm that it is safe.
        """
        bench = self._bench
        if because is not None:
            bench.hold(because)
        confirmed = self._guard.make_safe()
        refused = self.books.refuse(text, report)
        if not confirmed and because is None:
            raise SafetyTrip(f"{text}, and the device does not confirm that it is safe; switch it off")
        if confirmed:
            bench.pump(0.0)
            status = bench.device.status()
            if status.state == "FAULT":
                bench.hold(ev.Latched(text))
            elif status.interlocks:
                bench.hold(ev.Tripped(f"{text} (interlocks {status.interlocks:#06x})"))
        why = bench.settled()
        return [replace(refused, explained=False)] if why is None else [refused, why]

    def _store(self, shot: Shot, report: PulseReport, window: Window) -> ev.Swept:
        names = self._montage.names
        clipped = tuple(name for row, name in enumerate(names) if window.clipped >> row & 1)
        trusted = report.trusted(shot.stimulus.current_ma)
        reasons = list(window.reject_reasons)
        if not trusted:
            reasons.append(
                f"delivered {report.measured_ma:g} mA of {shot.stimulus.current_ma:g} mA ({report.result}), "
                "not within 10 %"
            )
        sweep = Sweep(
            n=shot.n,
            step=shot.step.name,
            role=shot.role,
            stimulus=shot.stimulus,
            stim_seq=shot.stim_seq,
            boot_id=self.books.boot_id,
            stream_id=window.stream_id,
            rate_hz=self._bench.started().rate_hz,
            first_sample=window.first_sample,
            onset=window.onset,
            counts=window.counts,
            report=report,
            why=shot.why,
            reject_reasons=tuple(reasons),
            clipped=clipped,
        )
        self.books.sweep(sweep)
        self._forget(shot.stim_seq)
        over = sorted(shot.step.watched_channels & set(clipped_in_window(sweep, self._montage)))
        if over:
            reasons.append(f"clipped: {', '.join(over)}")
        answers = self._answers(sweep, shot.step) if not reasons else {}
        reading = Reading(shot.stimulus.current_ma, answers, valid=not reasons, n=shot.n)
        interval_s = self._since_last(window)
        return ev.Swept(shot.stim_seq, reading, trusted, report.measured_ma, tuple(reasons), interval_s)

    def _since_last(self, window: Window) -> float | None:
        """The interval between the last stored onset and this one, by the markers."""
        before, at = self._onset, window.first_sample + window.onset
        self._onset = (window.stream_id, at)
        if before is None or before[0] != window.stream_id:
            return None
        return (at - before[1]) / self._bench.started().rate_hz

    def _measured(self, step: SiteSeries) -> Measurement:
        return self._reflexes if isinstance(step.task, Reflex) else self._measurement

    def _answers(self, sweep: Sweep, step: SiteSeries) -> dict[Muscle, Response]:
        """The measured answers; what an empty sweep reaches as well is none."""
        found = self._measured(step).responses(sweep, step.watched)
        return {
            muscle: replace(answer, present=answer.present and answer.size_mv > self._floors_mv.get(muscle, 0.0))
            for muscle, answer in found.items()
        }

    def _forget(self, stim_seq: int) -> None:
        self._bench.reports.pop(stim_seq, None)
        self._bench.windows.pop(stim_seq, None)


class _NotFired(Exception):
    """The device refused to arm or to fire: nothing was delivered."""
