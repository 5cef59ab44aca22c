"""Repetitive stimulation: how much the response of a muscle shrinks along each train of shocks."""

import numpy as np
from numpy.typing import NDArray

from npr_daq.analysis import evoked
from npr_daq.analysis import train as analysis
from npr_daq.analysis.train import JUMP_PERCENT, LEAST_RESPONSES, SHAPE_PERCENT, Decrement
from npr_daq.anatomy import FACIAL_MUSCLES, SUPPLIES, Branch
from npr_daq.errors import AnalysisError
from npr_daq.findings.late_rows import TrainRow
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.placed import artefact_reasons, current_ma, finite, placed, settings_of, unproved
from npr_daq.findings.rows import NOT_ELICITED, Quality
from npr_daq.findings.series import Series, of_step
from npr_daq.findings.table import TableView
from npr_daq.recording import Recording, Sweep

Floats = NDArray[np.float64]
Place = tuple[int, int]

TRAIN = "train"
DEFINITION = "peak-to-peak amplitude, fourth over first"
LIMP_PART = 0.1
"""An interval that differs from the asked one by more makes another rate of the train."""
NOISE_PERCENT = 5.0
"""Noise that alone gives a decrement of so much (SD) leaves none to be read: half of the classical 10 % [proposal]."""

ABSENT_PERCENT = 20.0
"""First responses of less than about seven times their noise are none."""


def trains(recording: Recording, parameters: Parameters) -> TableView[TrainRow]:
    """One row per train and watched muscle of every step of trains."""
    rows: list[TrainRow] = []
    for step in recording.steps:
        if recording.kind_of(step) == TRAIN:
            rows += _step(recording, step, parameters)
    return TableView(TrainRow, rows)


def _step(recording: Recording, step: str, parameters: Parameters) -> list[TrainRow]:
    series = of_step(recording, step, parameters)
    places = [_place(sweep) for sweep in series.sweeps]
    settings = settings_of(recording, step)
    named = settings.get("muscles") or (SUPPLIES[series.site] if isinstance(series.site, Branch) else ())
    rows_of = [row for m in FACIAL_MUSCLES if str(m) in {str(n) for n in named} and (row := series.row(m)) is not None]
    known = [place for place in places if place is not None]
    if not known or not rows_of:
        return []
    n_trains = max(max(train for train, _ in known), int(settings.get("trains") or 1))
    count = max(max(pulse for _, pulse in known), int(settings.get("count") or 1))
    grid, column, areas = _grid(series, places, (n_trains, count), rows_of, parameters)
    found, failed = None, f"{count} responses in a train; a decrement takes {LEAST_RESPONSES}"
    if count >= LEAST_RESPONSES:
        try:
            found = analysis.decrement(
                grid, rate_hz=series.rate_hz, stimulus_sample=column, window_ms=parameters.window_ms
            )
        except AnalysisError as cause:
            failed = str(cause)
    proof = unproved(recording, step)
    rows = []
    for index, row in enumerate(rows_of):
        limits = [*proof, *artefact_reasons(series, row)]
        for train in range(n_trains):
            here = [s for s, place in zip(series.sweeps, places, strict=True) if place and place[0] == train + 1]
            pulses = [p for p in known if p[0] == train + 1]
            rate = _rate_hz(here, pulses)
            limps = _limps(here, pulses, rate, settings.get("train_rate_hz"))
            reasons = [*limps, *limits] if found is not None else [failed, *limps, *limits]
            rows.append(_row(series, row, train, len(here), rate, found, index, areas[index, train], reasons))
    return rows


def _place(sweep: Sweep) -> Place | None:
    """Train and pulse of a sweep, both from 1; None where it has none."""
    train, pulse = sweep.why.get("train"), sweep.why.get("pulse")
    return None if train is None or pulse is None else (int(train), int(pulse))


def _grid(
    series: Series, places: list[Place | None], shape: Place, rows_of: list[int], parameters: Parameters
) -> tuple[Floats, int, Floats]:
    """Sweeps (muscle, train, response, time), NaN where one was lost; their stimulus; negative areas without time."""
    sweeps, column = placed(series)
    last = min(sweeps.shape[-1], column + round(2.0 * parameters.window_end_ms * series.rate_hz / 1e3))
    grid = np.full((len(rows_of), *shape, last), np.nan)
    for sweep, place in zip(sweeps, places, strict=True):
        if place is not None:
            grid[:, place[0] - 1, place[1] - 1] = sweep[rows_of, :last]
    whole = np.isfinite(grid).all(axis=-1)
    areas = np.full(whole.shape, np.nan)
    measured = evoked.measure(
        grid[whole], rate_hz=series.rate_hz, stimulus_sample=float(column), window_ms=parameters.window_ms
    )
    areas[whole] = np.where(measured.present, measured.negative_area_mv_ms, np.nan)
    return grid, column, areas


def _rate_hz(sweeps: list[Sweep], places: list[Place]) -> float | None:
    """Shocks per second from the first to the last one by the device's samples; None with fewer than two."""
    if len(sweeps) < 2 or len({(s.stream_id, s.boot_id) for s in sweeps}) > 1:
        return None
    first, last = sweeps[0], sweeps[-1]
    seconds = (last.first_sample + last.onset - first.first_sample - first.onset) / first.rate_hz
    return (places[-1][1] - places[0][1]) / seconds if seconds > 0 else None


def _limps(sweeps: list[Sweep], places: list[Place], rate_hz: float | None, asked_hz: float | None) -> list[str]:
    """Why the rate of a train is not the asked one all along; after a rest a muscle answers as if anew."""
    if len(sweeps) < 2:
        return []
    if rate_hz is None:
        return ["broken off and gone on with: the time between its parts is not known"]
    if not asked_hz:
        return []
    if abs(rate_hz / asked_hz - 1) > LIMP_PART:
        return [f"given at {rate_hz:.2f} Hz, {asked_hz:g} Hz were asked for"]
    onsets_s = np.array([(s.first_sample + s.onset) / s.rate_hz for s in sweeps])
    longest_s = float((np.diff(onsets_s) / np.diff([pulse for _, pulse in places])).max())
    if longest_s * asked_hz > 1 + LIMP_PART:
        return [f"not regular: shocks up to {1e3 * longest_s:.0f} ms apart, {1e3 / asked_hz:.0f} ms were asked for"]
    return []


def _row(
    series: Series,
    row: int,
    train: int,
    count: int,
    rate_hz: float | None,
    found: Decrement | None,
    index: int,
    areas: Floats,
    limits: list[str],
) -> TrainRow:
    reasons = list(limits)
    sizes: tuple[float | None, ...] = ()
    fourth = lowest = area = None
    if found is not None:
        sizes = tuple(finite(size) for size in found.amplitude_mv[index, train])
        fails = _failures(found, index, train)
        reasons = [*fails, *limits]
        if not any(reason.startswith(NOT_ELICITED) for reason in fails):
            fourth, lowest = finite(found.fourth_percent[index, train]), finite(found.lowest_percent[index, train])
            with np.errstate(invalid="ignore", divide="ignore"):
                area = finite(100.0 * (1.0 - areas[3] / areas[0]))
    return TrainRow(
        side=str(series.side),
        site=str(series.site),
        muscle=str(series.channels[row].muscle),
        train=train + 1,
        rate_hz=rate_hz,
        count=count,
        current_ma=current_ma(series),
        first_mv=sizes[0] if sizes else None,
        decrement_percent=fourth,
        definition=DEFINITION,
        lowest_percent=lowest,
        area_decrement_percent=area,
        amplitudes_mv=sizes,
        quality=Quality(accepted=not reasons, reasons=tuple(reasons)),
    )


def _failures(found: Decrement, index: int, train: int) -> list[str]:
    """Why the decrement of a train may not be used."""
    sizes = found.amplitude_mv[index, train]
    noise = found.noise_percent[index, train]
    lost = [str(place + 1) for place in np.flatnonzero(~np.isfinite(sizes[:5]))]
    if lost:
        return [f"response {', '.join(lost)} of the train was lost"]
    if not noise < NOISE_PERCENT:
        small = not sizes[0] > 0 or not noise < ABSENT_PERCENT
        return [NOT_ELICITED] if small else [f"noise alone gives a decrement of {noise:.1f} % (SD)"]
    if not found.accepted[index, train]:
        jump, shape = found.jump_percent[index, train], found.shape_percent[index, train]
        return [
            f"movement: the second response differs by {jump:+.1f} % (limit {JUMP_PERCENT:g}) and {shape:.1f} % of its "
            f"energy is of another shape (limit {SHAPE_PERCENT:g})"
        ]
    return []
