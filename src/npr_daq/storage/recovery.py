"""A recording out of a journal, after a clean end or a crash: everything acknowledged, and what is missing, said."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import RecordingError
from npr_daq.recording import Event, Gap, Recording, Role, Sweep
from npr_daq.stimulus import Stimulus
from npr_daq.storage import fields
from npr_daq.storage.codec import (
    calibration_from_json,
    event_from_json,
    gap_from_json,
    montage_from_json,
    report_from_json,
    stimulus_from_json,
)
from npr_daq.storage.continuous import CaptureBuilder
from npr_daq.storage.frames import FrameType, JournalFrame
from npr_daq.storage.journal_reader import JournalContents
from npr_daq.storage.waveforms import sweep_from_json

INTENT_WITHOUT_OUTCOME = "intent without outcome"
OUTCOME_UNKNOWN = "outcome unknown"
STIMULUS_REFUSED = "stimulus refused"
SHOCK_WITHOUT_SWEEP = "shock without sweep"
JUDGEMENT = "judgement"
CAPTURE_INCOMPLETE = "capture incomplete"
SAMPLES_WITHOUT_CAPTURE = "samples without capture"
UNREADABLE_ENTRY = "unreadable entry"
JOURNAL_DAMAGED = "journal damaged"

_NONSENSE = (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecordingError)


def recording_from(contents: JournalContents) -> Recording:
    """The recording that a journal holds, judgements applied, in the order it was written.

    A shock that has no sweep becomes an event whose detail holds its intent and, where it is known, its report:
    `intent without outcome` and `outcome unknown` (it may have been delivered, and is never repeated),
    `shock without sweep` (it was delivered), `stimulus refused` (it was not). An intact entry that makes no sense is
    an event too, so that it never takes the others with it. Damage is an event, `journal damaged`, in its place;
    what is intact behind it counts as everything else. `recovered` is True when the journal has no clean end.
    RecordingError when the header is missing, damaged, or has no montage or calibration.
    """
    if contents.nothing_recorded:
        raise RecordingError(
            f"{contents.path} ends inside its first entry ({contents.tail_bytes} bytes): nothing was recorded in it yet"
        )
    if not contents.header:
        raise RecordingError(
            f"the header of {contents.path} is damaged; behind it {_entries(contents.later)} look intact. "
            "The journal is kept as it is; without its header it cannot be sealed, so put a whole copy in its place"
        )
    try:
        montage = montage_from_json(contents.header["montage"])
        calibration = calibration_from_json(contents.header["calibration"])
    except _NONSENSE as cause:
        raise RecordingError(
            f"the header of {contents.path} has no montage or calibration that this program understands "
            f"({type(cause).__name__}: {cause}); use the version of npr-daq that wrote it"
        ) from cause
    salvage = _Salvage(channel_count=len(montage.channels))
    for frame in contents.frames:
        salvage.take(frame)
    if contents.damaged:
        salvage.events.append(_damage(contents))
    for frame in contents.later:
        salvage.take(frame)
    return Recording(
        header=contents.header,
        montage=montage,
        calibration=calibration,
        recovered=not contents.clean,
        dropped_tail_bytes=contents.lost_bytes,
        **salvage.parts(),
    )


@dataclass(slots=True)
class _Shock:
    intent: dict[str, Any] = field(default_factory=dict)
    stimulus: Stimulus | None = None
    outcome: dict[str, Any] = field(default_factory=dict)
    swept: bool = False
    host_ns: int = 0


@dataclass(slots=True)
class _Salvage:
    """What has been read so far."""

    channel_count: int
    sweeps: list[Sweep] = field(default_factory=list)
    continuous: CaptureBuilder = field(default_factory=CaptureBuilder)
    gaps: list[Gap] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    searches: dict[str, dict[str, Any]] = field(default_factory=dict)
    impedances: list[dict[str, Any]] = field(default_factory=list)
    shocks: dict[tuple[int, int], _Shock] = field(default_factory=dict)

    def take(self, frame: JournalFrame) -> None:
        """Add one entry; one that makes no sense becomes an event."""
        try:
            self._take(frame)
        except _NONSENSE as cause:
            self.events.append(_unreadable(frame, cause))

    def _take(self, frame: JournalFrame) -> None:
        document = dict(frame.document)
        match frame.type:
            case FrameType.HEADER | FrameType.CLEAN_END:
                pass
            case FrameType.INTENT:
                fields.mapping(document, "why")
                stimulus = stimulus_from_json(fields.mapping(document, "stimulus"))
                shock = self._shock(document)
                shock.intent, shock.stimulus, shock.host_ns = document, stimulus, _host_ns(frame)
            case FrameType.OUTCOME:
                _check_outcome(document)
                self._shock(document).outcome = document
            case FrameType.SWEEP:
                sweep = sweep_from_json(document, self._counts(frame))
                self._shock(document).swept = True
                self.sweeps.append(sweep)
            case FrameType.CAPTURE:
                self.continuous.part(document, self._counts(frame))
            case FrameType.SAMPLES:
                self.continuous.samples(fields.whole(document, "stream_id"), frame.sample, frame.counts())
            case FrameType.EVENT:
                self.events.append(event_from_json(document))
            case FrameType.GAP:
                self.gaps.append(gap_from_json(document))
            case FrameType.SEARCH:
                self.searches[fields.words(document, "step")] = fields.mapping(document, "evidence")
            case FrameType.IMPEDANCE:
                self.impedances += [fields.as_mapping(row, "a row") for row in document["rows"]]
            case FrameType.JUDGEMENT:
                self._judge(document, _host_ns(frame))

    def parts(self) -> dict[str, Any]:
        captures = self.continuous.finish()
        return {
            "sweeps": tuple(self.sweeps),
            "captures": captures,
            "gaps": (*self.gaps, *(gap for gap in self.continuous.gaps if not self._told(gap))),
            "events": (*self.events, *self._incomplete(), *self._untold()),
            "searches": self.searches,
            "impedances": tuple(self.impedances),
        }

    def _told(self, hole: Gap) -> bool:
        end = hole.first_sample + hole.missing
        return any(
            gap.stream_id == hole.stream_id
            and gap.first_sample <= hole.first_sample
            and gap.first_sample + gap.missing >= end
            for gap in self.gaps
        )

    def _shock(self, document: dict[str, Any]) -> _Shock:
        number = (fields.whole(document, "boot_id"), fields.whole(document, "stim_seq"))
        return self.shocks.setdefault(number, _Shock())

    def _counts(self, frame: JournalFrame) -> NDArray[np.int32]:
        counts = frame.counts()
        if counts.shape[0] != self.channel_count:
            raise ValueError(f"it has {counts.shape[0]} channels, and the montage has {self.channel_count}")
        return counts

    def _judge(self, document: dict[str, Any], host_ns: int) -> None:
        n, role, reason = fields.whole(document, "n"), Role(document["role"]), fields.words(document, "reason")
        before = None
        for place, sweep in enumerate(self.sweeps):
            if sweep.n == n:
                before = str(sweep.role)
                reasons = sweep.reject_reasons
                if role is Role.REJECTED and reason not in reasons:
                    reasons = (*reasons, reason or "rejected")
                self.sweeps[place] = replace(sweep, role=role, reject_reasons=reasons)
        text = (
            f"sweep {n} is {role}: {reason}" if before else f"a judgement of sweep {n}, which is not stored: {reason}"
        )
        detail = {"n": n, "role": str(role), "before": before, "reason": reason}
        self.events.append(Event(JUDGEMENT, text, host_ns=host_ns, detail=detail))

    def _incomplete(self) -> list[Event]:
        found = [
            Event(
                CAPTURE_INCOMPLETE,
                f"the recording {name} breaks off after {have} of {total} samples",
                detail={"name": name, "samples": have, "of": total},
            )
            for name, have, total in self.continuous.incomplete
        ]
        for stream_id, count in self.continuous.homeless.items():
            text = f"{count} samples of stream {stream_id} belong to no announced recording; they stay in the journal"
            detail = {"stream_id": stream_id, "samples": count}
            found.append(Event(SAMPLES_WITHOUT_CAPTURE, text, stream_id=stream_id, detail=detail))
        return found

    def _untold(self) -> list[Event]:
        return [
            _event_of(shock, boot_id=boot_id, stim_seq=stim_seq)
            for (boot_id, stim_seq), shock in self.shocks.items()
            if not shock.swept
        ]


_TOLD = {
    None: (INTENT_WITHOUT_OUTCOME, "may have been delivered; it was not repeated"),
    "unknown": (OUTCOME_UNKNOWN, "may have been delivered; it was not repeated"),
    "refused": (STIMULUS_REFUSED, "was refused and not delivered"),
    "delivered": (SHOCK_WITHOUT_SWEEP, "was delivered and its response was not stored"),
}
"""What is said of a shock without a sweep, by the status of its outcome; None where it has none."""


def _check_outcome(document: dict[str, Any]) -> None:
    """Raise one of `_NONSENSE` for an outcome that says nothing."""
    if fields.words(document, "status") not in _TOLD:
        raise ValueError(f"status is {document['status']!r}")
    fields.words(document, "text")
    if document["report"] is not None:
        report_from_json(document["report"])


def _event_of(shock: _Shock, *, boot_id: int, stim_seq: int) -> Event:
    what = f"stimulus {stim_seq}"
    if shock.stimulus is not None:
        what += f" ({shock.stimulus.side} {shock.stimulus.site}, {shock.stimulus.current_ma:g} mA)"
    kind, fate = _TOLD[shock.outcome.get("status")]
    text = f"{what} {fate}"
    said = shock.outcome.get("text", "")
    detail = {
        "stim_seq": stim_seq,
        "boot_id": boot_id,
        "intent": shock.intent or None,
        "report": shock.outcome.get("report"),
    }
    return Event(kind, f"{text}: {said}" if said else text, host_ns=shock.host_ns, detail=detail)


def _unreadable(frame: JournalFrame, cause: Exception) -> Event:
    document = dict(frame.document)
    why = f"{cause} is missing" if isinstance(cause, KeyError) else str(cause)
    return Event(
        UNREADABLE_ENTRY,
        f"entry {frame.sequence} ({frame.type.name.lower()}) is intact but makes no sense: {why}",
        host_ns=_host_ns(frame),
        detail={"sequence": frame.sequence, "document": document if fields.is_shallow(document) else None},
    )


def _damage(contents: JournalContents) -> Event:
    lost = contents.lost_bytes
    if contents.later:
        text = f"{_entries(contents.later, 'later intact ')} exist behind {lost} damaged bytes of the journal"
        text += f"; entries lost before or between them: {contents.lost_entries}" if contents.lost_entries else ""
    else:
        text = f"the last {lost} bytes of the journal are damaged; whatever was stored in them is lost"
    detail = {
        "at_byte": contents.valid_bytes,
        "lost_bytes": lost,
        "lost_entries": contents.lost_entries,
        "later_entries": len(contents.later),
    }
    return Event(JOURNAL_DAMAGED, text, detail=detail)


def _entries(later: tuple[JournalFrame, ...], how: str = "") -> str:
    sweeps = sum(frame.type is FrameType.SWEEP for frame in later)
    return f"{len(later)} {how}entries ({sweeps} sweeps)"


def _host_ns(frame: JournalFrame) -> int:
    # an exam file has no room for the highest bit, and no clock ever sets it
    return min(frame.host_ns, 2**63 - 1)
