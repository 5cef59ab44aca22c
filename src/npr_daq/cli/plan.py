"""`npr-daq plan`: a dry run; nothing moves."""

from typing import Annotated

import typer

from npr_daq.cli.options import DeviceOption, JsonFlag, ProtocolName, echo_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("plan", epilog="Example: npr-daq plan conduction_extended --affected left")(plan)


def plan(
    protocol: ProtocolName,
    device: DeviceOption = None,
    affected: Annotated[str, typer.Option(metavar="SIDE", help="left, right, both or none.")] = "left",
    json: JsonFlag = False,
) -> None:
    """Show what a protocol would do: timeline, movements, worst-case dose per site, every limit. Nothing moves.

    With --device the limits that the device itself holds are read and applied too; no shock is given.
    """
    from dataclasses import asdict

    from npr_daq.cli.checks import as_affected
    from npr_daq.cli.wording import wrapped
    from npr_daq.engine.plan import compile_plan
    from npr_daq.montage import standard_montage
    from npr_daq.protocol import load_protocol
    from npr_daq.stimulus import StimulusLimits

    loaded = load_protocol(protocol)
    limits = StimulusLimits()
    if device is not None:
        from npr_daq.session import connect

        with connect(device) as bench:
            limits = bench.device.capabilities.device_limits or limits
    compiled = compile_plan(loaded, montage=standard_montage(), affected=as_affected(affected), limits=limits)
    if json:
        facts = {
            "protocol": compiled.protocol,
            "affected": compiled.affected,
            "timeline": [asdict(entry) for entry in compiled.timeline()],
            "movements": [step.record() | {"most": step.most} for step in compiled.movements],
            "worst_case_dose": [asdict(dose) for dose in compiled.worst_case],
            "limits": asdict(compiled.limits),
            "sites": [{"step": s.name, "cap_ma": s.cap_ma, "confirm_above_ma": s.warn_ma} for s in compiled.sites],
            "omitted": dict(compiled.omitted),
        }
        echo_json(facts)
    else:
        typer.echo(wrapped(str(compiled)))
