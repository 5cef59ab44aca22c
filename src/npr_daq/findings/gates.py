"""The quality gates of one muscle's answer: what must hold before a value may be used (clinical reference 6.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npr_daq.analysis.symmetry import Z95
from npr_daq.findings import saturation, undetected
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response
from npr_daq.findings.rows import NOISE_LIMITED
from npr_daq.findings.series import Series
from npr_daq.recording import Recording

LATENCY_FLAGS = {
    "initial_positive": "initial positive deflection: latency not reliable (G1 off the end-plate zone?)",
    "onset_by_threshold": "latency by threshold (3 SD), which moves with the noise: the hinge found no onset",
    "no_onset": "no onset inside the window: the response begins before it",
}
"""What `evoked.measure` flags and what it means for the latency."""

DISAGREEMENT = "onset doubtful"
ARTEFACT = "artefact reaches into the response"
START_PART = 0.10
"""Of the peak to peak: what may still be there where the window starts, before a response can be."""
START_SD = 5.0

REST_PART = 0.2
"""Of the artefact that was taken off, as it was at the end of the gap: less may be what the fit did not draw."""
LEFT_PART = 0.01
"""Of the negative peak: what is left of the artefact on the silent gap may be so much without moving the onset."""

DOUBT_PART = 0.05
"""Of the peak to peak: the size is called uncertain where the removal of the artefact may have changed it by more, with
95 %; sweeps agree within as much (clinical reference 2.4) [proposal]."""

NOISE_LIMITED_SNR = 20.0
"""26 dB, the negative peak over the noise of one sweep before any filter (clinical reference 2.3)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates say: failures bar the amplitude, `latency` reasons the latency alone, `notes` bar nothing."""

    failures: tuple[str, ...] = ()
    latency: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything to print beside the row, failures first."""
        return self.failures + self.latency + self.notes


def judge(
    recording: Recording,
    series: Series,
    row: int,
    answer: Response,
    parameters: Parameters,
    *,
    other_mv: float | None,
) -> Verdict:
    """Pass one channel's answer through every gate that its recording allows to be checked.

    `other_mv` is the other side's peak to peak at the same site, None where it has none: what a response that was not
    seen is measured by.
    """
    failures = [
        *_sweeps(series, answer, parameters),
        *_clipping(series, row, parameters),
        *impedance(recording, series, row, parameters),
    ]
    noted = notes(answer)
    if not recording.calibration.valid:
        failures.append("the device's calibration block is damaged: values are not calibrated")
    if series.count < parameters.min_sweeps:
        # Whether it would have come back is not known.
        return Verdict(tuple(failures))
    if not answer.elicited:
        reaches = _artefact(answer) or _rest(series, row, answer)
        failures.append(undetected.reason(series, answer, parameters, other_mv=other_mv, artefact=reaches))
        return Verdict(tuple(failures), (), noted)
    latency = []
    if answer.snr_amplitude < parameters.snr_amplitude:
        failures.append(f"signal to noise {answer.snr_amplitude:.1f} is below {parameters.snr_amplitude:g}")
    elif _artefact(answer):
        failures.append(ARTEFACT)
    if answer.hum_uv is not None:
        percent = 100.0 * answer.hum_uv / (answer.peak_to_peak_mv * 1e3)
        if percent >= parameters.hum_percent:
            failures.append(f"mains hum is {percent:.1f} % of the response, the limit is {parameters.hum_percent:g} %")
    if answer.snr_latency < parameters.snr_latency:
        latency.append(
            f"latency withheld: signal to noise {answer.snr_latency:.1f} is below {parameters.snr_latency:g}"
        )
    latency += [words for flag, words in LATENCY_FLAGS.items() if flag in answer.flags]
    latency += _left(series, row, answer)
    return Verdict(tuple(failures), tuple(latency), noted)


def _rest(series: Series, row: int, answer: Response) -> bool:
    """Whether a positive deflection may be what an imperfect fit leaves of the artefact that was taken off."""
    if series.cleaned is None or "positive_only" not in answer.flags:
        return False
    tails = np.abs(series.cleaned.tail_uv[row, answer.kept])
    return bool(answer.peak_to_peak_mv * 1e3 < REST_PART * np.nan_to_num(tails).mean())


def _left(series: Series, row: int, answer: Response) -> list[str]:
    """Why the artefact may have moved the latency; nothing where it is proved removed, or too small to matter."""
    account = series.cleaned.account(row, answer.kept) if series.cleaned is not None else None
    if account is None or account.proved is not False:
        return []
    if account.residual_uv is None or account.noise_uv is None:
        recovered = answer.start_mv * 1e3 <= START_SD * answer.noise_uv
        return [] if recovered else ["the stimulus artefact reached the amplifier's limit: none of it was taken off"]
    if account.residual_uv <= LEFT_PART * answer.negative_mv * 1e3:
        return []
    return [
        f"artefact not proved removed: {account.residual_uv:.2g} uV are left on the silent gap, "
        f"where noise is {account.noise_uv:.2g} uV"
    ]


def notes(answer: Response) -> tuple[str, ...]:
    """What limits an answer without barring it, in words."""
    found = []
    if answer.set_aside:
        found.append(f"{answer.set_aside} of {answer.kept.size} sweeps set aside: discordant")
    if answer.hum_uv is None:
        found.append("mains hum could not be judged: too few samples outside the response")
    if answer.elicited and answer.disagreement:
        found.append(f"{DISAGREEMENT}: the hinge and the 10 % crossing place it differently, look at the trace")
    if answer.elicited and answer.polyphasic:
        found.append(f"polyphasic: {answer.phases} phases")
    uncertain = Z95 * answer.doubt_uv / (answer.peak_to_peak_mv * 1e3) if answer.peak_to_peak_mv > 0 else 0.0
    if answer.elicited and uncertain > DOUBT_PART:
        found.append(f"size uncertain: the removal of the artefact may have changed it by {100 * uncertain:.0f} %")
    if noise_limited(answer):
        found.append(
            f"{NOISE_LIMITED}: signal to noise of one sweep {answer.snr_sweep:.1f}, below {NOISE_LIMITED_SNR:g}"
        )
    return tuple(found)


def noise_limited(answer: Response) -> bool:
    """Whether single sweeps lie under 26 dB, where the interval of a ratio is narrower than its error."""
    return answer.elicited and answer.snr_sweep < NOISE_LIMITED_SNR


def _artefact(answer: Response) -> bool:
    """Whether what precedes the response is still there when it begins: no latency, and no amplitude either.

    A decay under the response is read as part of it, whichever sign it has (clinical reference 6.5).
    """
    flags = set(answer.flags)
    if "no_onset" in flags or {"initial_positive", "onset_by_threshold"} <= flags:
        return True
    start_mv = answer.start_mv
    return start_mv > START_PART * answer.peak_to_peak_mv and start_mv * 1e3 > START_SD * answer.noise_uv


def _sweeps(series: Series, answer: Response, parameters: Parameters) -> list[str]:
    if series.count < parameters.min_sweeps:
        aside = "; ".join(f"{n} set aside: {why}" for why, n in series.set_aside.items())
        return [f"{series.count} usable sweeps, {parameters.min_sweeps} are needed" + (f" ({aside})" if aside else "")]
    if not answer.elicited or not answer.scattered:
        return []
    needed = max(parameters.min_sweeps, series.count // 2 + 1)
    return [f"{answer.agree} of {series.count} sweeps agree, {needed} are needed"]


def _clipping(series: Series, row: int, parameters: Parameters) -> list[str]:
    number = len(saturation.clipped(series, row, parameters.window_ms))
    return [f"the amplifier clipped in {number} of {series.count} sweeps"] if number else []


def impedance(recording: Recording, series: Series, row: int, parameters: Parameters) -> list[str]:
    """Reasons from the last impedance reading of this channel; none where it was not measured."""
    reading = reading_of(recording, series.channels[row].index)
    if reading is None:
        return []
    g1, g2 = float(reading["g1_kohm"]), float(reading["g2_kohm"])
    found = []
    if not max(g1, g2) < parameters.impedance_kohm:
        found.append(f"electrode impedance {max(g1, g2):.1f} kohm, below {parameters.impedance_kohm:g} is needed")
    if not abs(g1 - g2) < parameters.impedance_mismatch_kohm:
        found.append(
            f"electrode pair {abs(g1 - g2):.1f} kohm apart, below {parameters.impedance_mismatch_kohm:g} is needed"
        )
    return found


def reading_of(recording: Recording, index: int) -> Mapping[str, Any] | None:
    """The last impedance reading of the front-end's channel `index`."""
    return next((reading for reading in reversed(recording.impedances) if reading.get("channel") == index), None)
