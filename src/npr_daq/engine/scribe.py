"""Writes down what a run decides, and tells it: the effects without any other consequence."""

from collections.abc import Callable, Mapping

from npr_daq.engine import effects as fx
from npr_daq.engine import events as ev
from npr_daq.engine.ports import ExamJournal
from npr_daq.engine.stream import Bench
from npr_daq.errors import IllegalTransition
from npr_daq.operator import Operator
from npr_daq.recording import Event


class Scribe:
    """Journal and operator behind the effects that only write or tell."""

    def __init__(self, bench: Bench, *, operator: Operator, journal: ExamJournal, host_ns: Callable[[], int]) -> None:
        self._bench = bench
        self._operator = operator
        self._journal = journal
        self._host_ns = host_ns

    def write(self, effect: fx.Effect) -> None:
        """Act on one of them; IllegalTransition for an effect that nobody acts on."""
        journal = self._journal
        match effect:
            case fx.Tell():
                self._operator.tell(effect.notice)
            case fx.RecordOutcome():
                boot_id = self._bench.device.capabilities.boot_id
                journal.outcome(stim_seq=effect.stim_seq, boot_id=boot_id, status=effect.status, text=effect.text)
                journal.sync()
            case fx.RecordImpedance():
                journal.impedance(effect.rows)
            case fx.RecordSearch():
                journal.search(effect.step, effect.evidence)
            case fx.RecordJudgement():
                journal.judgement(n=effect.n, role=effect.role, reason=effect.reason)
            case fx.RecordEvent():
                self.note(effect.kind, effect.text, effect.detail)
            case _:
                raise IllegalTransition(f"run: nobody acts on {type(effect).__name__}")

    def note(self, kind: str, text: str, detail: Mapping[str, object] | None = None) -> None:
        """Write that something happened, at the newest sample."""
        stream = self._bench.stream
        self._journal.event(
            Event(
                kind=kind,
                text=text,
                stream_id=stream.stream_id if stream is not None else 0,
                sample=self._bench.now if stream is not None else 0,
                host_ns=self._host_ns(),
                detail=dict(detail or {}),
            )
        )

    def intend(self, shot: fx.Shot) -> ev.Event:
        """Write the intent of a shock; durable on return."""
        self._journal.intent(
            stim_seq=shot.stim_seq,
            boot_id=self._bench.device.capabilities.boot_id,
            step=shot.step.name,
            stimulus=shot.stimulus,
            role=shot.role,
            why=shot.why,
        )
        return ev.IntentDurable(shot.stim_seq)
