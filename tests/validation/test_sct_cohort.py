"""What the cohort's scripts refuse to mix, and what they take for true."""

import sys
from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sct_cohort, sct_score, sct_truth = (import_module(f"sct_{name}") for name in ("cohort", "score", "truth"))
sys.path.pop(0)


def test_seeds_that_set_constants_never_report() -> None:
    assert sct_cohort.seeds_of("1000-1002") == [1000, 1001, 1002]
    assert sct_cohort.seeds_of("4999") == [4999]
    with pytest.raises(SystemExit, match="one or the other"):
        sct_cohort.checked([1999, 5000])
    with pytest.raises(SystemExit, match="one or the other"):
        sct_cohort.seeds_of("1900-5000")


def _line(left_uv: float, right_uv: float, rest_uv: float = 1.0) -> dict[str, Any]:
    return {
        "channels": {
            f"{side}.zygomaticus": {"app": {"band_uv": size}, "rest": {"band_uv": rest_uv}}
            for side, size in (("left", left_uv), ("right", right_uv))
        }
    }


def test_true_q_is_what_movement_adds_and_is_floored_as_the_analysis_floors_it() -> None:
    rest = {"affected_uv": 2.0, "healthy_uv": 2.0, "affected_ci95_uv": [1.8, 4.0], "healthy_ci95_uv": [1.8, 2.2]}
    q, censored = sct_truth._true_q([_line(9.0, 5.0), _line(18.0, 5.0)], "zygomaticus", rest)
    assert q == pytest.approx((sqrt(80 * 323)) ** 0.5 / sqrt(24))
    assert not censored
    q, censored = sct_truth._true_q([_line(9.0, 1.0)], "zygomaticus", rest)
    assert (q, censored) == (pytest.approx(sqrt(80) / 2.2), True)
    assert sct_truth._true_q([], "zygomaticus", rest)[1]


def _pair(seed: int, verdict: str, **true: Any) -> Any:
    synkinetic = seed % 2 == 0
    told = {
        "weight": 0.2 * synkinetic,
        "true_q": 4.0 if synkinetic else 1.0,
        "true_twin": 4.0,
        "censored": False,
    } | true
    row = {"verdict": verdict, "cutoff": 1.62, "q": 4.0, "q_ci95": (3.0, 5.0), "q_censored": False, "normalised_q": 4.0}
    group, kind = ("synkinetic", "misdirection") if synkinetic else ("not", "crosstalk")
    return sct_truth.Pair(seed, group, kind, "close_eyes_tightly", "zygomaticus", row=row, **told)


def test_indeterminate_counts_against_sensitivity_and_present_alone_against_specificity() -> None:
    found = [_pair(2, "present"), _pair(4, "indeterminate"), _pair(6, "absent", weight=0.01, true_q=1.2)]
    other = [_pair(1, "refused"), _pair(3, "absent"), _pair(5, "present", true_q=1.8)]
    said = sct_score._sensitivity(found)
    assert "| true Q >= 3 | all | 0.500" in said
    assert "(1/2) | 0 | 1 | 0 |" in said
    assert "| between | all | 0/1 present | 1 | 0 | 0 |" in said
    people = [
        sct_truth.Patient(pair.seed, pair.group, pair.kind, (pair,), 0.5, (0.1, 0.9)) for pair in (*found, *other)
    ]
    said = sct_score._specificity(people, [*found, *other])
    assert "| all | 0.667" in said
    assert "| true Q below cut-off | 1.000" in said
    assert "| per patient (no pair present) | 0.667" in said
    assert "(4/4)" in sct_score._coverage([_pair(seed, "present", true_q=q) for seed, q in ((2, 3.1), (4, 4.9))] * 2)
    assert sct_score.wilson(0, 0) == "- (n = 0)"
