"""A counted series, pure: so many shocks at one current, singly or in trains; not judged against each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean, median

from npr_daq.engine.reading import Reading, finite
from npr_daq.engine.search import Shock
from npr_daq.engine.series import Complete, SeriesSettings
from npr_daq.engine.steps import Trains
from npr_daq.recording import Role

LIMPS = 0.1
"""A train limps where an interval is longer than asked for by more than this part."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """A place in a train; both count from 1."""

    train: int
    pulse: int


@dataclass(frozen=True, slots=True)
class TrainGiven:
    """A train as it was given: its true rate by the markers, and whether every interval was kept.

    `intervals` counts those that are known: none over a stream that was begun anew. Without any, `rate_hz` and
    `longest_ms` are None.
    """

    train: int
    shocks: int
    intervals: int
    asked_hz: float
    rate_hz: float | None
    longest_ms: float | None
    regular: bool


def next_counted(series: Sequence[Reading], settings: SeriesSettings) -> Shock | Complete:
    """One more shock, or the verdict. At most `wanted + extra` shocks, invalid ones included."""
    good = sum(r.valid for r in series)
    limit = min(settings.wanted + settings.extra, settings.max_shocks)
    if good < settings.wanted and len(series) < limit:
        why = {"rule": f"{settings.wanted} sweeps", "valid": good, "taken": len(series), "most": limit}
        return Shock(settings.current_ma, Role.ACCEPT, why)
    return complete_counted(series, settings)


def next_pulse(series: Sequence[Reading], settings: SeriesSettings, task: Trains) -> Shock | Complete:
    """The next shock of a train, or the verdict; an invalid one is not repeated, because a train does not wait."""
    if len(series) < min(settings.wanted, settings.max_shocks):
        place = place_of(len(series), task)
        why = {
            "rule": "train",
            "train": place.train,
            "pulse": place.pulse,
            "trains": task.trains,
            "count": task.count,
            "train_rate_hz": task.rate_hz,
        }
        return Shock(settings.current_ma, Role.ACCEPT, why)
    return complete_counted(series, settings)


def place_of(given: int, task: Trains) -> Pulse:
    """The place of the shock that follows `given` ones."""
    train, pulse = divmod(given, task.count)
    return Pulse(train + 1, pulse + 1)


def trains_given(intervals_s: Sequence[float | None], task: Trains) -> list[TrainGiven]:
    """How regular each train was, from the interval before every shock of the series."""
    rows = []
    for first in range(0, len(intervals_s), task.count):
        within = intervals_s[first + 1 : first + task.count]
        known = [interval for interval in within if interval is not None]
        rows.append(
            TrainGiven(
                train=first // task.count + 1,
                shocks=len(within) + 1,
                intervals=len(known),
                asked_hz=task.rate_hz,
                rate_hz=len(known) / sum(known) if known else None,
                longest_ms=1e3 * max(known) if known else None,
                regular=len(known) == task.count - 1 and not limps(1e3 * max(known), task.rate_hz),
            )
        )
    return rows


def limps(longest_ms: float, asked_hz: float) -> bool:
    """Whether the longest interval of a train makes it another one than was asked for."""
    return longest_ms > 1e3 * (1 + LIMPS) / asked_hz


def complete_counted(series: Sequence[Reading], settings: SeriesSettings) -> Complete:
    """The verdict on what was taken: every valid sweep stands. `concordant` says that there are enough of them."""
    good = [r for r in series if r.valid]
    enough = len(good) >= settings.wanted
    answers = [r.responses[settings.headline] for r in good if settings.headline in r.responses]
    sizes = [a.size_mv for a in answers if a.present]
    onsets = [a.onset_latency_ms for a in answers if a.present and isfinite(a.onset_latency_ms)]
    reason = f"{len(good)} sweeps" if enough else f"only {len(good)} valid sweeps of {settings.wanted}"
    if not settings.wanted:
        reason = "no further shock"
    summary = {
        "muscle": str(settings.headline),
        "current_ma": settings.current_ma,
        "concordant": enough,
        "reason": reason,
        "accepted": len(good),
        "outliers": 0,
        "invalid": len(series) - len(good),
        "peak_to_peak_mv": finite(fmean(sizes)) if sizes else None,
        "onset_latency_ms": finite(median(onsets)) if onsets else None,
        "present": len(sizes),
    }
    return Complete(enough, tuple(r.n for r in good), (), reason, summary)
