"""One stimulation site of one side, measured: its series, answers, gates and recruitment, before it becomes rows."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from npr_daq.anatomy import SUPPLIES, Branch, Muscle, Side
from npr_daq.findings.gates import Verdict, judge
from npr_daq.findings.incomplete import incomplete
from npr_daq.findings.parameters import Parameters
from npr_daq.findings.response import Response, responses
from npr_daq.findings.rows import CONTRADICTION, NOT_COMPLETED, OPERATORS_WORD, Supramaximal
from npr_daq.findings.series import CONDUCTION, Series, collect
from npr_daq.findings.supramaximal import Curve, curve, supramaximal
from npr_daq.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """One muscle at one site. `response` is None where no sweep was usable."""

    muscle: Muscle
    row: int
    response: Response | None
    verdict: Verdict
    supramaximal: Supramaximal

    @property
    def accepted(self) -> bool:
        """Whether its amplitude may be used."""
        return self.response is not None and not self.verdict.failures

    @property
    def latency_ms(self) -> float | None:
        """The onset, where its gates let it be compared."""
        if self.response is None or not self.accepted or self.verdict.latency:
            return None
        return self.response.onset_ms


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Everything measured at one site: `answers` of the muscles that its branch supplies, on its own side.

    `word` is the operator's reason where the operator judged that there was no response; it overrides the sweeps.
    `early_mv` (channel,) is what each channel answers in the early window, NaN without enough sweeps. `foreign` says
    which muscle answers that should not, where its size puts the whole site in doubt.
    """

    side: Side
    site: Branch
    series: Series
    responses: tuple[Response, ...]
    curve: Curve
    answers: tuple[Answer, ...]
    word: str | None
    early_mv: NDArray[np.float64]
    foreign: str | None = None

    def answer(self, muscle: Muscle) -> Answer | None:
        """The answer of a supplied muscle, or None where it is not recorded."""
        return next((a for a in self.answers if a.muscle == muscle), None)


def measure(recording: Recording, parameters: Parameters, *, kind: str = CONDUCTION) -> dict[tuple[Side, Branch], Site]:
    """Every site that was stimulated, left before right, trunk first and the branches from top to bottom.

    By the steps of one `kind`: those of a conduction study, or others that search and accept as these do.
    """
    measured = {}
    for branch in Branch:
        for side in Side:
            series = collect(recording, side, branch, parameters, kind=kind)
            if series is not None:
                measured[side, branch] = series, responses(series, parameters) if series.count else ()
    return {
        (side, branch): _site(recording, branch, series, answered, measured.get((side.other, branch)), parameters)
        for (side, branch), (series, answered) in measured.items()
    }


Measured = tuple[Series, tuple[Response, ...]]


def _site(
    recording: Recording,
    branch: Branch,
    series: Series,
    answered: tuple[Response, ...],
    other: Measured | None,
    parameters: Parameters,
) -> Site:
    found = curve(recording, series, parameters, answered=answered)
    word = recording.searches.get(series.step, {}).get("operator")
    left = incomplete(recording, series, parameters)
    answers = []
    for muscle in SUPPLIES[branch]:
        row = series.row(muscle)
        if row is None:
            continue
        response = answered[row] if answered else None
        if word is not None:
            verdict = _by_word(series, word, response)
            response = None if response is None else replace(response, elicited=False)
        else:
            other_mv = _size_mv(other, muscle)
            if response is None:
                verdict = _unanswered(series, left)
            else:
                verdict = judge(recording, series, row, response, parameters, other_mv=other_mv)
            if response is not None and left is not None:
                verdict = replace(verdict, failures=(NOT_COMPLETED + left, *verdict.failures))
        proof = supramaximal(recording, series, row, found, answered[row] if answered else None, parameters)
        answers.append(Answer(muscle, row, response, verdict, proof))
    early_mv = _early_mv(series, answered, parameters)
    return Site(series.side, branch, series, answered, found, tuple(answers), word, early_mv)


def _size_mv(other: Measured | None, muscle: Muscle) -> float | None:
    """Peak to peak of the other side's response of the same muscle at the same site, None where there is none."""
    if other is None:
        return None
    series, answered = other
    row = series.row(muscle)
    if row is None or not answered or not answered[row].elicited:
        return None
    return answered[row].peak_to_peak_mv


def _early_mv(series: Series, answered: tuple[Response, ...], parameters: Parameters) -> NDArray[np.float64]:
    """Mean leave-one-out amplitude of the early window: noise alone averages to zero, less than that is zero."""
    if series.count < parameters.min_sweeps:
        return np.full(len(series.channels), np.nan)
    sizes = series.single_sweeps_mv((parameters.window_start_ms, parameters.early_end_ms))
    means = [float(np.mean(row[answer.kept])) for row, answer in zip(sizes, answered, strict=True)]
    return np.asarray(np.maximum(np.array(means), 0.0))


def _by_word(series: Series, word: str, response: Response | None) -> Verdict:
    """No response because the operator said so; where the sweeps hold one, that is said beside it."""
    if response is None:
        return Verdict((f"{OPERATORS_WORD} ({word}), up to {series.tried_ma:.3g} mA",))
    said = f"{OPERATORS_WORD} ({word})"
    if not response.elicited:
        return Verdict((said,))
    size = f"{response.peak_to_peak_mv:.2f} mV peak to peak at {series.tried_ma:.3g} mA"
    return Verdict((said, f"{CONTRADICTION}the sweeps repeat a response of {size}"))


def _unanswered(series: Series, left: str | None) -> Verdict:
    if left is not None:
        return Verdict((NOT_COMPLETED + left,))
    aside = "; ".join(f"{n} set aside: {why}" for why, n in series.set_aside.items())
    return Verdict(
        (f"no usable sweeps; the series ended at {series.tried_ma:.3g} mA" + (f" ({aside})" if aside else ""),)
    )
