"""Why a series of shocks was left before it had enough sweeps; a failure of the technique is another matter."""

from npr_daq.findings.parameters import Parameters
from npr_daq.findings.series import Series
from npr_daq.recording import Event, Recording, Role

_DELIBERATE = ("skipped", "redone")
"""How the engine's reasons begin where sweeps were put aside by a decision and not by what they held."""


def incomplete(recording: Recording, series: Series, parameters: Parameters) -> str | None:
    """Why the series has too few accepted sweeps, in words; None where it was completed or failed technically."""
    if series.count + sum(series.set_aside.values()) >= parameters.min_sweeps:
        return None
    skipped = _last(recording, "skipped", series.step)
    if skipped is not None:
        reason = str(skipped.detail.get("reason") or "")
        return f"skipped: {reason}" if reason else "skipped by the operator"
    # How many there are is said by the gate that counts them.
    ended = ("" if series.count else "no accepted sweeps; ") + f"the series ended at {series.tried_ma:.3g} mA"
    enough = _last(recording, "enough", series.step)
    if enough is not None:
        return f"{enough.detail.get('reason') or 'ended by the operator'} ({ended})"
    if recording.sweeps[-1].step == series.step:
        # What ended the exam ended its last series.
        if _last(recording, "fault") is not None:
            return None
        stopped = _last(recording, "stop")
        if stopped is not None:
            return f"{stopped.text or 'stopped'} ({ended})"
        if recording.recovered:
            return f"interrupted: the recording has no clean end ({ended})"
    return None if _failed(recording, series) else ended


def _last(recording: Recording, kind: str, step: str | None = None) -> Event | None:
    return next(
        (e for e in reversed(recording.events) if e.kind == kind and step in (None, e.detail.get("step"))), None
    )


def _failed(recording: Recording, series: Series) -> bool:
    """Whether sweeps of the series were lost to what they held: gaps, trips, currents not delivered."""
    if series.set_aside:
        return True
    return any(
        not reason.startswith(_DELIBERATE)
        for sweep in recording.sweeps
        if sweep.step == series.step and sweep.role in (Role.ACCEPT, Role.REJECTED)
        for reason in sweep.reject_reasons
    )
