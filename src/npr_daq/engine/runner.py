"""The runner: acts on what the reducer wants, and tells it what happened. The only place with side effects."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from npr_daq.device.contracts import Clock, FrontEnd
from npr_daq.engine import effects as fx
from npr_daq.engine import events as ev
from npr_daq.engine import prompts
from npr_daq.engine.captures import impedance_rows, missing_samples, noise_of
from npr_daq.engine.face_recorder import FaceRecorder
from npr_daq.engine.guard import Guard
from npr_daq.engine.outcome import Outcome
from npr_daq.engine.plan import Plan
from npr_daq.engine.ports import ExamJournal, FaceMeasurement, Measurement, StopRequest
from npr_daq.engine.reducer import reduce
from npr_daq.engine.run import RunState
from npr_daq.engine.scribe import Scribe
from npr_daq.engine.shots import Shooter
from npr_daq.engine.state import Awaiting, ExamState
from npr_daq.engine.stream import Bench, Interruption
from npr_daq.errors import AnalysisError, IllegalTransition, NprError, Refused, SafetyTrip, TimedOut
from npr_daq.operator import Notice, Operator

__all__ = ["Outcome", "StopRequest", "run"]


def run(
    plan: Plan,
    *,
    device: FrontEnd,
    clock: Clock,
    operator: Operator,
    journal: ExamJournal,
    stop: StopRequest,
    first_n: int = 1,
    measurement: Measurement | None = None,
    reflexes: Measurement | None = None,
    faces: FaceMeasurement | None = None,
    live: bool = True,
    host_ns: Callable[[], int] = time.time_ns,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Run `plan` in the caller's thread until it is finished or faulted; never raises for what happens on the way.

    Promises: no shock without its intent durable in `journal` before; no stimulus number twice; the device is made
    safe before anything else on every way out, and once more at the end; what was told as a stored sweep is durable.
    The journal stays open: who opened it closes it. `first_n` numbers the first sweep. `host_ns` is metadata only;
    `monotonic_s` bounds the waits in which no sample comes. `measurement` reads single sweeps, `reflexes` those of
    reflex steps, `faces` judges movements; with `live` the operator is told what every muscle does meanwhile.
    """
    if measurement is None:
        # Here and not in the middle of a run: it imports SciPy, which takes longer than a watchdog waits.
        from npr_daq.engine.measurement import EvokedMeasurement
        from npr_daq.engine.reflex_measurement import ReflexMeasurement

        measurement = EvokedMeasurement(plan.montage, device.calibration)
        reflexes = reflexes or ReflexMeasurement(plan.montage, device.calibration)
    if faces is None and plan.continuous:
        from npr_daq.engine.movement_measurement import MovementMeasurement

        faces = MovementMeasurement(plan.montage, device.calibration)
    bench = Bench(
        device=device,
        clock=clock,
        operator=operator,
        journal=journal,
        stop=stop,
        montage=plan.montage,
        rate_hz=plan.sample_rate_hz,
        host_ns=host_ns,
        monotonic_s=monotonic_s,
    )
    guard = Guard(bench)
    shooter = Shooter(bench, guard, journal=journal, montage=plan.montage, measurement=measurement, reflexes=reflexes)
    runner = _Runner(plan, bench, guard, shooter, operator=operator, journal=journal, stop=stop, host_ns=host_ns)
    if faces is not None:
        runner.watch(faces, live=live)
    try:
        return runner.run(first_n)
    finally:
        guard.make_safe()


class _Runner:
    def __init__(
        self,
        plan: Plan,
        bench: Bench,
        guard: Guard,
        shooter: Shooter,
        *,
        operator: Operator,
        journal: ExamJournal,
        stop: StopRequest,
        host_ns: Callable[[], int],
    ) -> None:
        self._plan = plan
        self._bench = bench
        self._guard = guard
        self._shooter = shooter
        self._operator = operator
        self._journal = journal
        self._stop = stop
        self._scribe = Scribe(bench, operator=operator, journal=journal, host_ns=host_ns)
        self._state = ExamState(plan, next_seq=1, next_n=1)
        self._queue: deque[ev.Event] = deque()
        self._face: FaceRecorder | None = None

    def watch(self, faces: FaceMeasurement, *, live: bool) -> None:
        """Be ready for rest and movements."""
        self._face = FaceRecorder(
            self._bench,
            operator=self._operator,
            journal=self._journal,
            measurement=faces,
            calibration=self._bench.device.calibration,
            note=self._scribe.note,
            live=live,
        )

    def run(self, first_n: int) -> Outcome:
        self._queue.append(ev.Begin())
        try:
            seq = self._bench.device.last_stim_seq() + 1
            self._state = ExamState(self._plan, next_seq=seq, next_n=first_n)
        except Exception as error:  # noqa: BLE001 - latches: the run is faulted
            self._queue = deque([_failed(error)])
        while not self._state.run.final:
            event = (
                self._queue.popleft() if self._queue else _failed(IllegalTransition("run: nothing happens any more"))
            )
            try:
                state, wanted = reduce(self._state, event)
            except Exception as error:
                if isinstance(event, ev.Failed):
                    raise
                self._break_off(_failed(error), before=event)
                continue
            self._state = state
            self._act_on(wanted)
        state = self._state
        return Outcome(
            state=state.run,
            cause=state.cause,
            error=state.error,
            shocks=state.shocks,
            trips=state.trips,
            pauses=state.pauses,
            doses=tuple(self._shooter.books.ledger.totals()),
            results=state.results,
        )

    def _act_on(self, wanted: tuple[fx.Effect, ...]) -> None:
        """Act in order; the first that fails or is interrupted ends the row, except where a fault is being salvaged."""
        if self._state.run in (RunState.SALVAGING, RunState.FINISHED, RunState.FAULTED):
            for effect in wanted:
                with suppress(Exception, KeyboardInterrupt):
                    self._queue.extend(self._act(effect))
            return
        for effect in wanted:
            try:
                self._queue.extend(self._act(effect))
            except Interruption as interruption:
                self._break_off(interruption.event)
                return
            except TimedOut as silence:
                # A host that was held up finds its answers late: if the device answers now, that is no fault.
                running = self._state.run in (RunState.RUNNING, RunState.PAUSED)
                answers = self._guard.answers()
                self._break_off(ev.Tripped(str(silence)) if running and answers else _failed(silence))
                return
            except KeyboardInterrupt:
                self._guard.make_safe()
                self._break_off(ev.StopPressed("interrupted"))
                return
            except Exception as error:  # noqa: BLE001 - latches: safe first, then the run is faulted
                self._guard.make_safe()
                self._break_off(_failed(error))
                return

    def _break_off(self, event: ev.Event, *, before: ev.Event | None = None) -> None:
        """What comes next is `event`; a shock that was being given is accounted for first, unless `before` did that."""
        ended: ev.Event | None = None
        if self._state.awaiting is Awaiting.SHOT:
            ended = self._shooter.books.ended
        elif self._state.awaiting is Awaiting.REPEATED and self._face is not None:
            ended = self._face.ended
        self._queue = deque([event] if ended is None or ended is before else [ended, event])

    def _act(self, effect: fx.Effect) -> list[ev.Event]:
        match effect:
            case fx.MakeSafe():
                if not self._guard.make_safe():
                    self._scribe.note("unconfirmed", "the device did not confirm that it is safe")
            case fx.SetLimits():
                self._guard.show_limits(effect.limits)
                return [ev.LimitsSet()]
            case fx.MeasureImpedance():
                return [ev.ImpedanceRead(impedance_rows(self._bench, effect.step, self._plan.montage))]
            case fx.CaptureNoise():
                return [self._noise(effect)]
            case fx.RecordRest() if self._face is not None:
                return [self._face.rest(effect)]
            case fx.Move() if self._face is not None:
                return [self._face.move(effect)]
            case fx.Prepare():
                self._bench.start()
                self._shooter.prepare(effect.shot)
                return [ev.Prepared(effect.shot.stim_seq)]
            case fx.Intend():
                return [self._scribe.intend(effect.shot)]
            case fx.Fire():
                return self._fire(effect.shot)
            case fx.Ask():
                return [self._ask(effect)]
            case fx.Resume():
                return [self._resume()]
            case fx.Acknowledge():
                return [self._acknowledge()]
            case fx.Close():
                return [self._close()]
            case fx.Salvage():
                for put_away in (self._bench.stop_stream, self._journal.sync):
                    with suppress(Exception):
                        put_away()
                return [ev.Salvaged()]
            case _:
                self._scribe.write(effect)
        return []

    def _noise(self, effect: fx.CaptureNoise) -> ev.Event:
        step = effect.step
        noise = noise_of(self._bench, step)
        missing = missing_samples(noise)
        where = prompts.where(step)
        try:
            floors = self._shooter.learn_noise(noise, step)
        except AnalysisError as error:
            raise Interruption(ev.Tripped(f"the noise at {where} could not be read: {error}")) from error
        self._journal.capture(noise)
        detail: dict[str, object] = {
            "step": step.name,
            "floors_mv": {str(muscle): floor for muscle, floor in floors.items()},
            "missing_samples": missing,
        }
        self._scribe.note("noise", f"what an empty sweep reaches at {where}", detail)
        if missing:
            text = f"{missing} samples of the noise at {where} are missing: what is no response is judged by the rest"
            self._operator.tell(Notice("warning", text, {"step": step.name}))
        return ev.NoiseCaptured()

    def _fire(self, shot: fx.Shot) -> list[ev.Event]:
        found = self._shooter.fire(shot)
        for event in found:
            if isinstance(event, ev.Swept):
                self._operator.tell(
                    prompts.swept(shot, event.reading, delivered_ma=event.delivered_ma, reasons=event.reasons)
                )
        return found

    def _ask(self, effect: fx.Ask) -> ev.Event:
        prompt = effect.prompt
        if self._state.run is RunState.RUNNING:
            self._bench.pump(0.0)
            self._bench.check()
            if prompt.side is None:
                # Before rest and movements a person may take minutes, and nothing is recorded meanwhile.
                self._bench.stop_stream()
        else:
            self._bench.check_stop()
        answer = self._operator.ask(prompt)
        detail = {
            "prompt": str(prompt.kind),
            "asked": prompt.text,
            "step": prompt.step,
            "answer": str(answer.kind),
            "reason": answer.reason,
            "operator": self._operator.name,
        }
        self._scribe.note("answer", f"{prompt.kind}: {answer.kind}", detail)
        if self._stop.cause is not None:
            # Ctrl-C while the question stood: whatever was answered, the run stops for that.
            raise Interruption(ev.StopPressed(self._stop.cause))
        return ev.Answered(prompt.kind, answer)

    def _resume(self) -> ev.Event:
        """Safe and confirmed, no fault latched, the stream stopped: the next step starts it anew."""
        bench = self._bench
        safe = self._guard.make_safe()
        # A line that was lost meanwhile says so here, with its own sentence: that is a device error.
        status = bench.device.status()
        if not safe:
            raise SafetyTrip(
                "the run cannot go on: the device does not confirm that it is safe; "
                "switch the stimulator off at the device"
            )
        if status.state == "FAULT":
            return ev.Latched(f"the device is still in FAULT (interlocks {status.interlocks:#06x})")
        # A device that has stopped by itself must be stopped by the host too, before it can start again.
        bench.stop_stream()
        bench.pump(0.0)
        bench.settled()
        self._guard.reconciled()
        self._scribe.note("resumed", "the run goes on")
        return ev.Resumed()

    def _acknowledge(self) -> ev.Event:
        try:
            self._guard.acknowledge()
        except Refused as refusal:
            return ev.Latched(str(refusal))
        return ev.Acknowledged()

    def _close(self) -> ev.Event:
        if not self._guard.make_safe():
            self._bench.device.status()
            raise SafetyTrip(
                "the exam ended, but the device does not confirm that it is safe; "
                "switch the stimulator off at the device"
            )
        self._bench.stop_stream()
        self._bench.pump(0.0)
        self._scribe.note("end", self._state.cause, {"shocks": self._state.shocks, "trips": self._state.trips})
        self._journal.sync()
        return ev.Closed()


def _failed(error: Exception) -> ev.Failed:
    """A fault with the sentence of its cause; a foreign exception says what it is."""
    return ev.Failed(error, str(error) if isinstance(error, NprError) else f"{type(error).__name__}: {error}")
