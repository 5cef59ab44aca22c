"""What became of a journal: what was salvaged, what was lost, what nobody can know."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from npr_daq.recording import Event
from npr_daq.storage import recovery
from npr_daq.storage.journal_reader import JournalContents


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of one journal.

    `recordings` are stretches of rest and movement and `repetitions` the tries of movements in them. `unknown` are
    shocks that may or may not have been delivered and `unstored` shocks that were delivered and whose response was
    lost, `damage` what is wrong with the journal's bytes and `damaged` entries that make no whole, in words.
    `dropped_tail_bytes` are in no intact entry. `error` is set where nothing could be sealed; then every file is as
    it was.
    """

    journal: str
    exam: str | None
    sweeps: int = 0
    clean: bool = False
    dropped_tail_bytes: int = 0
    unknown: tuple[str, ...] = ()
    unstored: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    error: str | None = None
    recordings: int = 0
    repetitions: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, one key per field."""
        return asdict(self)

    def describe(self) -> str:
        """The same in sentences, for the terminal."""
        if self.error is not None:
            return f"{self.journal}: not sealed: {self.error}"
        if self.exam is None:
            return (
                f"{self.journal}: it ends inside its first entry ({self.dropped_tail_bytes} bytes), which is written "
                "before any shock: nothing was recorded in it"
            )
        lines = [f"{self.exam}: {self._salvaged()} salvaged" + ("" if self.clean else ", the exam was cut off")]
        if self.dropped_tail_bytes:
            where = "are damaged" if self.damage else "at the end are an entry that was cut off while it was written"
            lines.append(f"  left out: {self.dropped_tail_bytes} bytes of the journal {where}")
        lines += [f"  unknown: {text}" for text in self.unknown]
        lines += [f"  lost: {text}" for text in self.unstored]
        lines += [f"  damaged: {text}" for text in (*self.damage, *self.damaged)]
        return "\n".join(lines)

    def _salvaged(self) -> str:
        """`12 sweeps`; `3 recordings of rest and movement with 6 repetitions`; or both."""
        counted = []
        if self.sweeps or not self.recordings:
            counted.append(f"{self.sweeps} sweeps")
        if self.recordings:
            tries = f" with {_count(self.repetitions, 'repetition')}" if self.repetitions else ""
            counted.append(f"{_count(self.recordings, 'recording')} of rest and movement{tries}")
        return " and ".join(counted)


def told(
    journal: Path, exam: Path, contents: JournalContents, last_stim_seq: int | None, boot_id: int | None
) -> Salvaged:
    """What a sealed journal held and what it lacks; `last_stim_seq` and `boot_id` as `seal.recover` has them."""
    recording = recovery.recording_from(contents)
    unknown = [
        f"{event.text}{_settled(event.detail, last_stim_seq, boot_id)}"
        for event in recording.events
        if event.kind in (recovery.INTENT_WITHOUT_OUTCOME, recovery.OUTCOME_UNKNOWN)
    ]
    return Salvaged(
        journal=str(journal),
        exam=str(exam),
        sweeps=len(recording.sweeps),
        clean=contents.clean,
        dropped_tail_bytes=contents.lost_bytes,
        unknown=tuple(unknown),
        unstored=_texts(recording.events, recovery.SHOCK_WITHOUT_SWEEP),
        damage=_texts(recording.events, recovery.JOURNAL_DAMAGED),
        damaged=_texts(
            recording.events,
            recovery.UNREADABLE_ENTRY,
            recovery.CAPTURE_INCOMPLETE,
            recovery.SAMPLES_WITHOUT_CAPTURE,
        ),
        # The noise before shocks is a capture as well, of a step that has sweeps.
        recordings=sum(not capture.name.endswith("_noise") for capture in recording.captures),
        repetitions=sum(event.kind == "repetition" for event in recording.events),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _texts(events: tuple[Event, ...], *kinds: str) -> tuple[str, ...]:
    return tuple(event.text for event in events if event.kind in kinds)


def _settled(detail: Mapping[str, Any], last_stim_seq: int | None, boot_id: int | None) -> str:
    """What the device's own highest number says about a shock without an outcome."""
    if last_stim_seq is None:
        return ""
    if detail.get("boot_id") != boot_id:
        return "; the device has been restarted since and cannot tell"
    if detail["stim_seq"] > last_stim_seq:
        return f"; the device's highest number is {last_stim_seq}: it never reached the device"
    # A later exam starts at the device's highest number + 1, so it may have used a number that never left the host.
    return f"; the device's highest number is {last_stim_seq}: that number reached it, from this exam or a later one"
