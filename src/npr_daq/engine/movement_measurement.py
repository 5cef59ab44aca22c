"""Judge single repetitions of movements while an exam runs: a bad one is named at once and made again."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import contraction, performance
from npr_daq.analysis.contraction import ENVELOPE_HZ, Rest
from npr_daq.analysis.expressions import MOST_BLANKED, SERIES_JOINED_MS
from npr_daq.analysis.repetitions import VARIATION_LEAST, Flaw, flaws, plateau_power
from npr_daq.analysis.windows import common_plateau, on_plateau
from npr_daq.anatomy import Muscle, Side
from npr_daq.calibration import MISSING, Calibration
from npr_daq.engine.contact import mains_uv, out_of_range, stuck
from npr_daq.engine.mend import NOISY_UV
from npr_daq.expression import OF_THE_EYES, PRIME_MOVER, Task
from npr_daq.montage import Montage

MOST_MISSING = 0.05
"""Share of the samples between cue and release; a gap on the plateau spoils a repetition however short it is."""
GROSS_VARIATION = 2 * VARIATION_LEAST
"""One repetition has no others yet that say what is usual: only what is twice the usual limit is named."""
NAMED_AT_MOST = 3
"""Repetitions in a row that one bad contact may cost: what nobody can mend must not end the exam."""
LOOSE, STUCK = "loose electrode", "no signal"

Counts = NDArray[np.int32]
Floats = NDArray[np.float64]


class MovementMeasurement:
    """Judges repetitions of rows of `montage`, in microvolts by `calibration`; for one exam.

    It remembers the rest that it was last given, what the muscles did in the repetitions before, and which contacts it
    has named. Not safe for two threads at once.
    """

    def __init__(self, montage: Montage, calibration: Calibration) -> None:
        self._calibration = calibration
        self._device = tuple(channel.index for channel in montage.channels)
        self._rows = {(channel.side, channel.muscle): row for row, channel in enumerate(montage.channels)}
        self._names = [f"{side} {muscle.replace('_', ' ')}" for side, muscle in self._rows]
        self._rest: Rest | None = None
        self._levels: dict[Task, list[Floats]] = {}
        self._named = np.zeros(len(self._names), dtype=np.int64)

    def learn_rest(self, counts: Counts, rate_hz: float) -> None:
        """Keep the rest of every channel of `counts` (channel, time), MISSING in gaps; the newest counts.

        Raises `AnalysisError` for less than 0.1 s of it.
        """
        self._rest = _resting(contraction.envelope(self._microvolts(counts), rate_hz=rate_hz))

    def judge(
        self,
        task: Task,
        counts: Counts,
        rate_hz: float,
        *,
        cue_sample: int,
        release_sample: int,
    ) -> tuple[str, ...]:
        """Words of what is wrong with a repetition of `task`, in the order found; none: it is accepted.

        `counts` (channel, time), MISSING in gaps, from about 1 s before the cue to about 1.5 s after the release, which
        lie at the columns `cue_sample` and `release_sample`. The prime mover of the side that stands out more decides,
        so that a weak one on the affected side makes no repetition bad. What has not been learned of rest is taken from
        the time before the cue. A contact that nobody mends is named in three repetitions in a row and then no more.
        Raises `AnalysisError` for less than 0.1 s. Source: clinical reference 5.2 (6).
        """
        held = counts[:, cue_sample:release_sample] == MISSING
        if not held.size or held.mean(axis=-1).max() > MOST_MISSING:
            return (Flaw.GAP.value,)
        signal_uv = self._microvolts(counts)
        limited = out_of_range(counts, signal_uv)
        hum = mains_uv(signal_uv, rate_hz, quiet=((0, cue_sample), (counts.shape[1] - round(rate_hz), counts.shape[1])))
        dead: NDArray[np.bool_] = np.asarray(stuck(counts, rate_hz).any(axis=1))
        limited = limited & ~dead
        loose: NDArray[np.bool_] = np.asarray(~limited & ~dead & (hum >= NOISY_UV))
        words = self._contacts(limited, loose, dead)
        if Flaw.SATURATED in words:
            # Of a repetition whose signals are broken nothing else can be said.
            return words
        seen = contraction.envelope(signal_uv, rate_hz=rate_hz)
        seen[limited | loose | dead] = np.nan
        rest = self._known_rest(seen[:, : max(1, round(cue_sample / rate_hz * ENVELOPE_HZ))])
        times_ms = (1e3 * cue_sample / rate_hz, 1e3 * release_sample / rate_hz)
        flaw, levels = self._performed(task, seen, rest, limited | loose | dead, times_ms)
        if flaw is Flaw.NONE:
            # Right or wrong, it is remembered: the majority of a task's repetitions decides which of them are others.
            flaw = Flaw.OTHER if self._is_other(task, levels) else flaw
            self._levels.setdefault(task, []).append(levels)
        elif flaw in (Flaw.NO_BURST, Flaw.WEAK):
            flaw = Flaw.OTHER if self._is_other(task, self._strongest(seen, rest, times_ms)) else flaw
        return words if flaw is Flaw.NONE else (*words, flaw.value)

    def _microvolts(self, counts: Counts) -> NDArray[np.float32]:
        # Single precision halves the filtering, and is a thousandth of the noise.
        return self._calibration.to_microvolts(counts, self._device).astype(np.float32)

    def _contacts(
        self, limited: NDArray[np.bool_], loose: NDArray[np.bool_], dead: NDArray[np.bool_]
    ) -> tuple[str, ...]:
        """Words of the bad contacts that are worth another repetition."""
        self._named = np.where(limited | loose | dead, self._named + 1, 0)
        worth = self._named <= NAMED_AT_MOST
        words = [Flaw.SATURATED.value] if (limited & worth).any() else []
        named = ((LOOSE, loose), (STUCK, dead))
        return (*words, *(f"{word}: {self._names[row]}" for word, bad in named for row in np.flatnonzero(bad & worth)))

    def _known_rest(self, before: Floats) -> Rest:
        """What was learned; where nothing was, the time before the cue."""
        found = _resting(before)
        if self._rest is None:
            return found
        parts = ((getattr(self._rest, each.name), getattr(found, each.name)) for each in fields(Rest))
        unknown = np.isnan(self._rest.power_uv2)
        return Rest(*(np.where(unknown, newer, learned) for learned, newer in parts))

    def _performed(
        self, task: Task, seen: Floats, rest: Rest, bad: NDArray[np.bool_], times_ms: tuple[float, float]
    ) -> tuple[Flaw, Floats]:
        """The flaw of how the movement was made, and what every channel did on its plateau, rest taken off."""
        movers = [row for side in Side if (row := self._rows.get((side, PRIME_MOVER[task]))) is not None]
        movers = [row for row in movers if not bad[row]]
        if not movers:
            return Flaw.NONE, np.full(len(seen), np.nan)
        plateau = _plateau(seen, rest, [movers[0], movers[-1]], times_ms, series=task is Task.BLINK)
        seen, blinking = self._without_blinks(task, seen, plateau)
        power, variation = plateau_power(seen, plateau_ms=plateau)
        levels = _above(rest, power)
        noise = np.nanmin(rest.rms_uv[movers]) if np.isfinite(rest.rms_uv[movers]).any() else np.nan
        best = max(movers, key=lambda row: float(np.nan_to_num(levels[row], nan=-1.0)))
        strong = levels[best]
        if task is Task.BLINK:
            # Most of a series is the silence between its blinks: how strong it is says the strongest of them.
            one = _plateau(seen, rest, [best, best], times_ms, series=False)
            strong = _above(rest, plateau_power(seen, plateau_ms=one)[0])[best]
        flaw = _flaw(strong, noise, plateau, power[~bad])
        # Nobody expects a series of blinks to be steady.
        if flaw is Flaw.NONE and task is not Task.BLINK and variation[best] > GROSS_VARIATION:
            flaw = Flaw.UNSTEADY
        if flaw is Flaw.NONE and blinking > MOST_BLANKED:
            flaw = Flaw.BLINKS
        return flaw, levels

    def _without_blinks(self, task: Task, seen: Floats, plateau: Floats) -> tuple[Floats, float]:
        """Envelopes with the blinks on the plateau bridged, and their share of it."""
        eyes = [self._rows.get((side, Muscle.ORBICULARIS_OCULI)) for side in Side]
        if task in OF_THE_EYES or np.isnan(plateau).any() or eyes == [None, None]:
            return seen, 0.0
        empty = np.full(seen.shape[1], np.nan)
        on = on_plateau(plateau, seen.shape[1])
        blinks = performance.blinks(np.stack([empty if row is None else seen[row] for row in eyes])) & on
        return performance.bridged(seen, blinks, within=on), float(blinks.sum() / max(1, on.sum()))

    def _strongest(self, seen: Floats, rest: Rest, times_ms: tuple[float, float]) -> Floats:
        """What every channel did while the one moved that stands out most from its rest, whichever it is."""
        with np.errstate(invalid="ignore", divide="ignore"):
            out = np.nan_to_num(seen / rest.rms_uv[:, None], posinf=0.0)
        most = int(np.median(out, axis=1).argmax())
        plateau = _plateau(seen, rest, [most, most], times_ms, series=False)
        power, _ = plateau_power(seen, plateau_ms=plateau)
        levels = _above(rest, power)
        moved = _flaw(levels[most], rest.rms_uv[most], plateau, power[[most]]) is Flaw.NONE
        return levels if moved else np.full(len(seen), np.nan)

    def _is_other(self, task: Task, levels: Floats) -> bool:
        """Whether `levels` (channel,) of one more repetition of this task look like another task of this exam."""
        own = [*self._levels.get(task, ()), levels]
        middles = {other: _middle(np.stack(made)) for other, made in self._levels.items() if other is not task}
        middles = {other: middle for other, middle in middles.items() if np.isfinite(middle).any()}
        table = np.full((1 + len(middles), len(own), len(levels)), np.nan)
        table[0] = own
        for row, middle in enumerate(middles.values(), start=1):
            table[row, 0] = middle
        # A channel without contact now, or in all of another task, says nothing.
        table = table[..., np.isfinite(levels) & np.isfinite(table[1:, 0]).all(axis=0)]
        if not table.shape[-1]:
            return False
        masters = [list(Muscle).index(PRIME_MOVER[each]) for each in (task, *middles)]
        return bool(performance.other_movement(table, masters=masters)[0, -1])


def _resting(envelope_uv: Floats) -> Rest:
    """Rest of the envelope (channel, frame); of less than two seconds, whose power has no spread, the power as well."""
    found = contraction.rest(envelope_uv)
    power = np.where(np.isnan(found.power_uv2), found.mean_uv**2 + found.sd_uv**2, found.power_uv2)
    return Rest(power, *(getattr(found, each.name) for each in fields(Rest)[1:]))


def _plateau(seen: Floats, rest: Rest, pair: list[int], times_ms: tuple[float, float], *, series: bool) -> Floats:
    """Begin and end of the plateau of one row of a pair, as in the analysis: of that which stands out more.

    That of a `series` of short bursts is from the first to the last of them.
    """
    found = contraction.bursts(
        seen[pair][:, None, None, None],
        threshold_uv=rest.threshold_uv[pair][:, None, None, None],
        cue_ms=times_ms[0],
        release_ms=times_ms[1],
        plateau_s=np.inf if series else contraction.PLATEAU_S,
        joined_ms=SERIES_JOINED_MS if series else contraction.JOINED_MS,
    )
    of_pair = Rest(*(getattr(rest, each.name)[pair][:, None] for each in fields(Rest)))
    first = np.zeros(1, dtype=np.int64)
    return np.asarray(common_plateau(found, (first, first), of_pair)[0, 0])


def _flaw(level_uv: float, noise_uv: float, plateau_ms: Floats, power_uv2: Floats) -> Flaw:
    """The flaw of one mover, if the power of no channel that is needed is missing; steadiness left aside."""
    no: NDArray[np.bool_] = np.zeros(1, dtype=bool)
    needed = np.array([power_uv2.sum()])
    return Flaw(flaws(np.array([level_uv]), np.zeros(1), needed, plateau_ms[None], np.array(noise_uv), no)[0])


def _above(rest: Rest, power_uv2: Floats) -> Floats:
    return np.sqrt(np.maximum(power_uv2 - rest.power_uv2, 0.0))


def _middle(levels_uv: Floats) -> Floats:
    """Median over the repetitions (repetition, channel) that have a value; NaN where none has."""
    none = ~np.isfinite(levels_uv).any(axis=0)
    return np.where(none, np.nan, np.nanmedian(np.where(none, 0.0, levels_uv), axis=0))
