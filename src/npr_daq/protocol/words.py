"""A protocol in clinical words, with units."""

from textwrap import wrap

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle
from npr_daq.protocol.model import ConductionStep, ImpedanceStep, PlannedSide, Protocol

_WIDTH = 80
_SIDE_WORDS = {
    PlannedSide.LEFT: "left side",
    PlannedSide.RIGHT: "right side",
    PlannedSide.HEALTHY: "healthy side",
    PlannedSide.AFFECTED: "affected side",
}


def site_words(site: Branch) -> str:
    """`the trunk`, `the marginal mandibular branch`."""
    return "the facial nerve trunk" if site is Branch.TRUNK else f"the {site.replace('_', ' ')} branch"


def muscle_words(muscles: tuple[Muscle, ...]) -> str:
    """Muscle names as read aloud: `nasalis, zygomaticus and orbicularis oris`."""
    if muscles == FACIAL_MUSCLES:
        return "all facial muscles"
    words = [m.replace("_", " ") for m in muscles]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def describe(protocol: Protocol) -> str:
    """What will be done, step by step, and what may not be exceeded; plain text, at most 80 columns."""
    limits = protocol.limits
    lines = [
        f"{protocol.title} (version {protocol.version}, montage {protocol.montage})",
        *wrap(protocol.purpose.strip(), _WIDTH),
        "",
    ]
    for number, step in enumerate(protocol.step, 1):
        lines += wrap(f"{number:2}. {_step_words(step)}", _WIDTH, subsequent_indent="    ", initial_indent="")
    lines += [
        "",
        "Limits",
        f"  trunk: at most {limits.max_trunk_ma:g} mA, confirmed above {limits.warn_trunk_ma:g} mA",
        f"  branches: at most {limits.max_branch_ma:g} mA, confirmed above {limits.warn_branch_ma:g} mA",
        f"  pulse: at most {limits.max_width_us:g} us, {limits.max_charge_uc:g} uC and {limits.max_energy_mj:g} mJ",
        f"  rate: at most {limits.max_rate_hz:g} Hz; at most {limits.max_shocks_per_site} shocks at one site",
    ]
    if limits.unlock_reason is not None:
        lines += wrap(
            f"UNLOCKED beyond the limits of the house: {limits.unlock_reason}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )
    return "\n".join(lines)


def _step_words(step: ImpedanceStep | ConductionStep) -> str:
    match step:
        case ImpedanceStep():
            return (
                f"Read the electrode impedance at {step.frequency_hz} Hz: at most {step.max_kohm:g} kohm, "
                f"the two of a pair within {step.max_pair_difference_kohm:g} kohm."
            )
        case ConductionStep():
            most = f", at most {step.max_ma:g} mA" if step.max_ma is not None else ""
            return (
                f"Stimulate {site_words(step.site)} on the {_SIDE_WORDS[step.side]}: "
                f"{step.width_us:g} us pulses at {step.rate_hz:g} Hz, from {step.start_ma:g} mA up to supramaximal"
                f"{most}, then {step.accepted_sweeps} sweeps that agree; "
                f"watched: {muscle_words(step.watched)}."
            )
