"""Write a patient as the TOML file that `case_file` reads: what differs from a usual face, with units beside it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from npr_simulators.person.case import FORMAT, ByBranch, Case

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "build.head_size": "1 is an average adult",
        "build.fat_mm": "more or less under the skin than the average face, mm",
        "build.amplitude": "1 gives healthy responses of 1 to 3 mV",
        "build.motor_units": "1 is 80 motor units in the nasalis",
        "build.trunk_depth_mm": "skin to nerve at the stylomastoid foramen, mm",
        "build.branch_depth_mm": "skin to nerve at the branches, mm",
        "build.side_difference_percent": "difference of response size between the sides",
        "build.movement_difference_percent": "difference of strength of movement between the sides",
        "build.crosstalk": "of a muscle in its neighbours' channels; 1 is usual",
        "build.crosstalk_affected": "the same on the lesion side",
        "build.crossed_supply": "of the midline muscles, from the other side's nerve; share 0 to 1",
        "build.electrode_error_mm": "electrodes are put elsewhere at each visit, SD in mm",
        "build.latency_error_ms": "nerves enter their muscles elsewhere in each person, SD in ms",
        "lesion.degeneration": "share of the axons that died, 0 to 1",
        "lesion.regrown": "of the dead, have grown back",
        "lesion.block": "of the living, blocked above the stylomastoid foramen",
        "lesion.velocity": "conduction velocity as a share of normal",
        "lesion.dispersion_ms": "spread of the delay between axons, SD in ms",
        "lesion.sprouting": "how much of the orphaned muscle the survivors adopted, 0 to 1",
        "lesion.misdirection": "of the regrown, ended in a wrong muscle",
        "lesion.bifurcation": "of the regrown, feed two muscles",
        "lesion.ephapse": "axons that catch impulses of their neighbours at the scar",
        "lesion.prefer": "where the lost axons go",
        "lesion.tonic": "drive that never ceases, share of a full effort",
        "lesion.reflex_gain": "size of the blink reflex, 1 is normal",
        "lesion.decrement": "loss by the fourth shock of a train, 0 to 1",
        "central.gain": "share of the source's command that the target gets too",
        "course.day": "of the exam, days since onset",
        "course.training_weeks": "of rehabilitation by then",
        "course.training_response": "how well this patient responds to training, 0 to 1",
        "behaviour.effort": "share of full strength in a movement, 0 to 1",
        "behaviour.effort_spread": "from one repetition to the next",
        "behaviour.sloppiness": "how much else moves along, 0 to 1",
        "behaviour.wrong_task": "chance of another movement than was asked for",
        "behaviour.stops_above_ma": "asks to stop above this current, mA",
        "behaviour.tolerance": "1 is usual; 2 bears twice the shock",
        "blink.r1": "size, 1 is usual, 0 has none",
        "blink.r2": "size, 1 is usual, 0 has none",
        "blink.r2c": "R2 of the other side, 1 is usual, 0 has none",
        "blink.r1_later_ms": "than usual, ms",
        "blink.r2_later_ms": "than usual, ms",
        "blink.r2c_later_ms": "than usual, ms",
        "placement.offset_mm": "cathode beside the nerve, mm",
        "placement.anterior_mm": "cathode too far forward, mm",
        "placement.shift_mm": "the stimulator slips this far, mm",
        "placement.shift_at_shock": "before this shock of the exam",
        "skin.noise_uv": "rms, 10 kHz band",
        "skin.hum": "1 is a well shielded room",
        "skin.imbalance_kohm": "between the two electrodes of a channel",
        "skin.wander_uv": "slow drift of the baseline",
        "skin.artefact": "of the shock in the recording; 1 is that of the study",
        "skin.cough_at_s": "into every recording, s",
    }
)
"""What a number means and its unit, for the right margin of a patient file."""

_COLUMN = 36


def written(case: Case) -> str:
    """The file of `case`; reading it gives `case` again. Keys that have their usual value are left out."""
    told = case.model_dump(mode="json", exclude_defaults=True)
    head = {"format": FORMAT, "version": case.version, **{k: told[k] for k in ("name", "teaches", "expect", "cell")}}
    tables = {key: value for key, value in told.items() if key not in head}
    lines = [f"{key} = {_value(value)}" for key, value in head.items()]
    for table, content in tables.items():
        if isinstance(content, list):
            for entry in content:
                lines += ["", f"[[{table}]]", *_entries(table, entry)]
        else:
            lines += ["", f"[{table}]", *_entries(table, content)]
    return "\n".join(lines) + "\n"


def _entries(table: str, content: Mapping[str, Any]) -> Iterator[str]:
    meanings = table.replace("other_side", "lesion")
    # tables in tables last, as TOML has it; shares by branch are written in one line
    nested = {key for key, value in content.items() if isinstance(value, dict) and not set(value) <= _SHARES}
    for key, value in content.items():
        if key in nested:
            continue
        line = f"{key} = {_value(value)}"
        meaning = MEANINGS.get(f"{meanings}.{key}")
        if meaning is not None and len(line) > 2 * _COLUMN:
            yield f"# {meaning}"
        yield line if meaning is None or len(line) > 2 * _COLUMN else f"{line:{_COLUMN}}# {meaning}"
    for key in sorted(nested):
        yield ""
        yield f"[{table}.{key}]"
        yield from _entries(f"{table}.{key}", content[key])


_SHARES = set(ByBranch.model_fields)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
        case dict():
            if len(set(value.values())) == 1 and set(value) == _SHARES:
                return _value(next(iter(value.values())))
            return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_value(part) for part in value) + "]"
        case _:
            return repr(value)
