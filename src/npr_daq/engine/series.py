"""The accepted series, pure: whether K sweeps at one current agree, and which do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Any

from npr_daq.anatomy import Muscle
from npr_daq.engine.reading import Reading, finite
from npr_daq.engine.search import Shock
from npr_daq.recording import Role

# Clinical reference 2.4: K accepted sweeps whose amplitude agrees within 5 % and whose onset within 0.1 ms.
AGREE_FRACTION = 0.05
AGREE_SD = 3.0
AGREE_ONSET_MS = 0.1
LATENCY_SNR = 10.0
# Analysis reference 3d: a single sweep's onset has an SD of .039 ms at 34 dB, growing as the SNR falls.
ONSET_SD_MS, ONSET_SNR = 0.039, 50.0
LEAST_CONCORDANT = 3
"""Clinical reference 6.5: at least three concordant sweeps."""


@dataclass(frozen=True, slots=True)
class SeriesSettings:
    """How many sweeps must agree at `current_ma`, judged on the `headline` muscle."""

    headline: Muscle
    current_ma: float
    wanted: int
    extra: int
    max_shocks: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The series as judged; `accepted` and `outliers` are sweep numbers in the order of the shocks."""

    concordant: bool
    accepted: tuple[int, ...]
    outliers: tuple[int, ...]
    reason: str
    summary: dict[str, Any]


def next_sweep(series: Sequence[Reading], settings: SeriesSettings) -> Shock | Complete:
    """One more shock, or the verdict. At most `wanted + extra` shocks, invalid ones included."""
    good = [r for r in series if r.valid]
    agreeing = concordant(good, settings)
    limit = min(settings.wanted + settings.extra, settings.max_shocks)
    if len(agreeing) < settings.wanted and len(series) < limit:
        why = {
            "rule": f"{settings.wanted} sweeps that agree",
            "agreeing": len(agreeing),
            "taken": len(series),
            "most": limit,
        }
        return Shock(settings.current_ma, Role.ACCEPT, why)
    return complete(series, settings)


def complete(series: Sequence[Reading], settings: SeriesSettings) -> Complete:
    """The verdict on what was taken."""
    good = [r for r in series if r.valid]
    agreeing = concordant(good, settings)
    enough = len(agreeing) >= settings.wanted
    if enough:
        reason = f"{len(agreeing)} sweeps agree"
    elif not good:
        reason = "no valid sweep"
    else:
        reason = f"only {len(agreeing)} of {len(good)} valid sweeps agree, {settings.wanted} are wanted"
    # Fewer than three that agree say nothing about which of them are wrong: then none is put aside.
    kept = agreeing if len(agreeing) >= LEAST_CONCORDANT else good
    outliers = tuple(r.n for r in good if r not in kept)
    sizes = [r.responses[settings.headline].size_mv for r in kept]
    onsets = [r.responses[settings.headline].onset_latency_ms for r in kept]
    onsets = [o for o in onsets if isfinite(o)]
    summary = {
        "muscle": str(settings.headline),
        "current_ma": settings.current_ma,
        "concordant": enough,
        "reason": reason,
        "accepted": len(kept),
        "outliers": len(outliers),
        "invalid": len(series) - len(good),
        "peak_to_peak_mv": finite(sum(sizes) / len(sizes)) if sizes else None,
        "onset_latency_ms": finite(median(onsets)) if onsets else None,
        "present": sum(r.responses[settings.headline].present for r in kept),
    }
    return Complete(enough, tuple(r.n for r in kept), outliers, reason, summary)


def concordant(good: Sequence[Reading], settings: SeriesSettings) -> list[Reading]:
    """The sweeps that agree with the median of all: amplitude within 5 % (3 SD if weak), onset within 0.1 ms.

    The onset counts where the SNR allows a latency (10 or more), and then within 3 SD of what that SNR allows.
    """
    if not good:
        return []
    answers = [r.responses[settings.headline] for r in good]
    middle = median(a.size_mv for a in answers)
    onsets = [a.onset_latency_ms for a in answers if isfinite(a.onset_latency_ms) and a.snr >= LATENCY_SNR]
    middle_ms = median(onsets) if onsets else None
    kept = []
    for reading, answer in zip(good, answers, strict=True):
        if abs(answer.size_mv - middle) > max(AGREE_FRACTION * middle, AGREE_SD * answer.sd_mv):
            continue
        if middle_ms is not None and isfinite(answer.onset_latency_ms) and answer.snr >= LATENCY_SNR:
            allowed = max(AGREE_ONSET_MS, 3.0 * ONSET_SD_MS * ONSET_SNR / answer.snr)
            if abs(answer.onset_latency_ms - middle_ms) > allowed:
                continue
        kept.append(reading)
    return kept
