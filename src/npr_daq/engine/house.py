"""The limits of the house: what no protocol may loosen without a reason, and none at all beyond the single current."""

from dataclasses import replace

from npr_daq.errors import PlanError
from npr_daq.protocol.model import Limits
from npr_daq.stimulus import StimulusLimits

HOUSE_LIMITS = StimulusLimits()
"""Never exceeded, whatever a device could do (clinical reference 6.6); a protocol or a device can only be stricter."""

TRUNK_CAP_MA, BRANCH_CAP_MA = 40.0, 25.0
TRUNK_WARN_MA, BRANCH_WARN_MA = 20.0, 12.0
"""Caps and warning currents by site (clinical reference 6.6); a reason opens them up to `HOUSE_LIMITS`."""

Bound = tuple[str, float, float, str]
"""Key, value asked for, highest allowed, unit."""


def within_house(asked: Limits, limits: StimulusLimits) -> StimulusLimits:
    """The stricter of a protocol's limits and those of the bench.

    Raises PlanError (value, limit, unit) where the file names a value that is looser than the bench allows, or than
    the house allows at a site without `unlock_reason`.
    """
    _refuse(asked, _of_bench(asked, limits), "of this bench")
    if asked.unlock_reason is None:
        _refuse(asked, _of_sites(asked), "of the house; limits.unlock_reason would open it")
    else:
        _refuse(asked, _unlocked(asked), "of that site")
    return limits.tightened(
        replace(
            limits,
            max_current_ma=max(asked.max_trunk_ma, asked.max_branch_ma),
            max_width_us=asked.max_width_us,
            max_charge_uc=asked.max_charge_uc,
            max_energy_mj=asked.max_energy_mj,
            max_rate_hz=asked.max_rate_hz,
        )
    )


def _of_bench(asked: Limits, limits: StimulusLimits) -> tuple[Bound, ...]:
    return (
        ("max_trunk_ma", asked.max_trunk_ma, limits.max_current_ma, "mA"),
        ("max_branch_ma", asked.max_branch_ma, limits.max_current_ma, "mA"),
        ("max_width_us", asked.max_width_us, limits.max_width_us, "us"),
        ("max_charge_uc", asked.max_charge_uc, limits.max_charge_uc, "uC"),
        ("max_energy_mj", asked.max_energy_mj, limits.max_energy_mj, "mJ"),
        ("max_rate_hz", asked.max_rate_hz, limits.max_rate_hz, "Hz"),
    )


def _of_sites(asked: Limits) -> tuple[Bound, ...]:
    return (
        ("max_trunk_ma", asked.max_trunk_ma, TRUNK_CAP_MA, "mA"),
        ("max_branch_ma", asked.max_branch_ma, BRANCH_CAP_MA, "mA"),
        ("warn_trunk_ma", asked.warn_trunk_ma, TRUNK_WARN_MA, "mA"),
        ("warn_branch_ma", asked.warn_branch_ma, BRANCH_WARN_MA, "mA"),
    )


def _unlocked(asked: Limits) -> tuple[Bound, ...]:
    return (
        ("warn_trunk_ma", asked.warn_trunk_ma, asked.max_trunk_ma, "mA"),
        ("warn_branch_ma", asked.warn_branch_ma, asked.max_branch_ma, "mA"),
    )


def _refuse(asked: Limits, bounds: tuple[Bound, ...], whose: str) -> None:
    for key, value, top, unit in bounds:
        # A limit that the file does not name follows the others silently; one that it names must be allowed.
        if key in asked.model_fields_set and value > top * (1 + 1e-9):
            raise PlanError(f"limits.{key} {value:g} {unit} is above the limit of {top:g} {unit} {whose}")
