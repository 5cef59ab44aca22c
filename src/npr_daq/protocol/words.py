"""A protocol in clinical words, with units."""

from textwrap import wrap

from npr_daq.anatomy import FACIAL_MUSCLES, Branch, Muscle, Site, TrigeminalSite
from npr_daq.expression import task_words
from npr_daq.protocol.model import (
    ConductionStep,
    CrosstalkStep,
    ExcitabilityStep,
    ImpedanceStep,
    IncludeStep,
    LateStep,
    MovementStep,
    PlannedSide,
    Protocol,
    ReflexStep,
    RestStep,
    Step,
    TrainStep,
)

_WIDTH = 80
_SIDE_WORDS = {
    PlannedSide.LEFT: "left side",
    PlannedSide.RIGHT: "right side",
    PlannedSide.HEALTHY: "healthy side",
    PlannedSide.AFFECTED: "affected side",
}


def site_words(site: Site) -> str:
    """`the facial nerve trunk`, `the marginal mandibular branch`, `the supraorbital nerve`."""
    if isinstance(site, TrigeminalSite):
        return f"the {site} nerve"
    return "the facial nerve trunk" if site is Branch.TRUNK else f"the {site.replace('_', ' ')} branch"


def muscle_words(muscles: tuple[Muscle, ...]) -> str:
    """Muscle names as read aloud: `nasalis, zygomaticus and orbicularis oris`."""
    if muscles == FACIAL_MUSCLES:
        return "all facial muscles"
    words = [m.replace("_", " ") for m in muscles]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def describe(protocol: Protocol) -> str:
    """What will be done, step by step, and what may not be exceeded; plain text, at most 80 columns."""
    lines = [
        f"{protocol.title} (version {protocol.version}, montage {protocol.montage})",
        *wrap(protocol.purpose.strip(), _WIDTH),
        "",
    ]
    source = ""
    for first, row in _rows(protocol):
        here = protocol.step_from[first - 1] if protocol.step_from else ""
        if here != source:
            lines.append(f"    {f'from {here}' if here else 'of this protocol itself'}:")
            source = here
        number = f"{first:2}" if len(row) == 1 else f"{first:2}-{first + len(row) - 1}"
        lines += wrap(f"{number}. {_row_words(row)}", _WIDTH, subsequent_indent="    ", initial_indent="")
    for said in protocol.left_out:
        lines += wrap(f"Not done twice: {said}", _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join([*lines, "", *(_limits(protocol) if protocol.stimulates else ("Nothing stimulates.",))])


def _rows(protocol: Protocol) -> list[tuple[int, list[Step]]]:
    """The steps with their first number; expressions in a row that differ in nothing else are one entry."""
    rows: list[tuple[int, list[Step]]] = []
    for number, step in enumerate(protocol.step, 1):
        if rows and (last := rows[-1][1]) and _alike(last[-1], step):
            last.append(step)
        else:
            rows.append((number, [step]))
    return rows


def _alike(one: Step, other: Step) -> bool:
    same = {"task": None, "name": None}
    return (
        isinstance(one, MovementStep)
        and isinstance(other, MovementStep)
        and one.model_copy(update=same) == other.model_copy(update=same)
    )


def _row_words(row: list[Step]) -> str:
    first = row[0]
    if not isinstance(first, MovementStep):
        return _step_words(first)
    tasks = [task_words(step.task) for step in row if isinstance(step, MovementStep)]
    said = f"{len(tasks)} expressions ({', '.join(tasks)}), each" if len(tasks) > 1 else f"{tasks[0].capitalize()},"
    return (
        f"{said} {counted(first.repetitions, 'time')}: held {first.hold_s:g} s, then {first.rest_s:g} s of rest; "
        f"a bad one is made again, at most {first.extra_repetitions} more."
    )


def _limits(protocol: Protocol) -> list[str]:
    limits = protocol.limits
    lines = [
        "Limits",
        f"  trunk: at most {limits.max_trunk_ma:g} mA, confirmed above {limits.warn_trunk_ma:g} mA",
        f"  branches: at most {limits.max_branch_ma:g} mA, confirmed above {limits.warn_branch_ma:g} mA",
        f"  pulse: at most {limits.max_width_us:g} us, {limits.max_charge_uc:g} uC and {limits.max_energy_mj:g} mJ",
        f"  rate: at most {limits.max_rate_hz:g} Hz; at most {limits.max_shocks_per_site} shocks at one site",
    ]
    if protocol.included:
        lines.append("  of every included step the stricter of these and its own file's (npr-daq plan)")
    rates = {step.train_rate_hz for step in protocol.step if isinstance(step, TrainStep)}
    if rates:
        lines.append(f"  within a train: {max(rates):g} Hz, each train confirmed by the operator")
    if limits.unlock_reason is not None:
        lines += wrap(
            f"UNLOCKED beyond the limits of the house: {limits.unlock_reason}",
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
        )
    return lines


def _step_words(step: Step) -> str:
    match step:
        case ImpedanceStep():
            return (
                f"Read the electrode impedance at {step.frequency_hz} Hz: at most {step.max_kohm:g} kohm, "
                f"the two of a pair within {step.max_pair_difference_kohm:g} kohm."
            )
        case RestStep():
            return f"Record the resting face for {step.seconds:g} s."
        case MovementStep():
            return _row_words([step])
        case IncludeStep():
            return f"All steps of {step.protocol}."
        case CrosstalkStep():
            return (
                f"Cross-talk: {_searched(step)[:1].lower()}{_searched(step)[1:]}, then {step.accepted_sweeps} sweeps "
                "that agree; what every electrode picks up of neighbours."
            )
        case ConductionStep():
            return (
                f"{_searched(step)}, then {step.accepted_sweeps} sweeps that agree; "
                f"watched: {muscle_words(step.watched)}."
            )
        case LateStep():
            return (
                f"{_searched(step)}, then {step.sweeps} shocks at {step.supramaximal_factor:g} times the first maximal "
                f"current for late responses (F wave, lateral spread); watched: {muscle_words(step.watched)}."
            )
        case ReflexStep():
            return (
                f"Blink reflex: stimulate {site_words(step.site)} on the {_SIDE_WORDS[step.side]}: "
                f"{step.width_us:g} us pulses every {step.interval_s:g} s, from {step.start_ma:g} mA up until an "
                f"orbicularis oculi answers 2 of 3 shocks, at most {step.max_ma:g} mA, then {step.sweeps} shocks."
            )
        case TrainStep():
            return (
                f"{_searched(step)}, then {counted(step.trains, 'train')} of {step.count} shocks at "
                f"{step.train_rate_hz:g} Hz, {step.rest_s:g} s apart, each confirmed by the operator; "
                f"watched: {muscle_words(step.watched)}."
            )
        case ExcitabilityStep():
            widths = " and ".join(f"{width:g}" for width in step.widths_us)
            most = f", at most {step.max_ma:g} mA" if step.max_ma is not None else ""
            return (
                f"Excitability threshold at {site_words(step.site)} on the {_SIDE_WORDS[step.side]}: {widths} us "
                f"pulses at {step.rate_hz:g} Hz, from {step.start_ma:g} mA up to the lowest current that elicits "
                f"a response twice{most}; watched: {muscle_words(step.watched)}."
            )


def _searched(step: ConductionStep | CrosstalkStep | LateStep | TrainStep) -> str:
    most = f", at most {step.max_ma:g} mA" if step.max_ma is not None else ""
    return (
        f"Stimulate {site_words(step.site)} on the {_SIDE_WORDS[step.side]}: {step.width_us:g} us pulses at "
        f"{step.rate_hz:g} Hz, from {step.start_ma:g} mA up to supramaximal{most}"
    )


def counted(number: int, noun: str) -> str:
    """`1 train`, `3 trains`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
