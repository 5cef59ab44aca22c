"""`npr-daq devices`: drivers, what is attached, what each can do and how far it was verified."""

from collections.abc import Mapping
from typing import Any

import typer

from npr_daq.cli.options import DeviceOption, JsonFlag, echo_json
from npr_daq.cli.wording import listed

LEVELS = {
    "L0": "golden bytes of the wire document",
    "L1": "own simulator or own second device",
    "L2": "programs of others at the far end",
    "L3": "injected faults",
    "L4": "real hardware",
}
"""How far a driver was verified, level by level (`verified` of a driver names by what)."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("devices", epilog="Example: npr-daq devices --device sim:healthy")(devices)


def devices(device: DeviceOption = None, json: JsonFlag = False) -> None:
    """List drivers and serial ports; with --device, connect and print what that instrument says of itself.

    Only the named instrument is spoken to: an unknown device on a serial port is never sent a byte.
    """
    from npr_daq.device.registry import installed, load
    from npr_daq.transport.ports import list_ports

    drivers: list[dict[str, Any]] = []
    for name in installed("drivers"):
        try:
            driver = load("drivers", name)
            drivers.append({"driver": name, "verified": dict(driver.VERIFIED), "error": None})
        except Exception as cause:  # noqa: BLE001 - a plug-in may fail in any way; the table says how
            drivers.append({"driver": name, "verified": {}, "error": f"{type(cause).__name__}: {cause}"})
    found: dict[str, Any] = {
        "drivers": drivers,
        "transports": sorted(installed("transports")),
        "simulators": sorted(installed("simulators")),
        "serial_ports": list_ports(),
    }
    if device is not None:
        from npr_daq.session import connect
        from npr_daq.storage.codec import capabilities_to_json

        with connect(device) as bench:
            found["connected"] = {
                "uri": device,
                **capabilities_to_json(bench.device.capabilities),
                "simulated": bench.simulated,
            }
    if json:
        echo_json(found)
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("driver", "verified", title="Drivers", title_justify="left")
    for row in found["drivers"]:
        table.add_row(row["driver"], row["error"] or "\n".join(_verified(row["verified"])))
    console.print(table)
    levels = ", ".join(f"{level} {words}" for level, words in LEVELS.items())
    console.print(f"levels: {levels}", highlight=False)
    console.print(f"transports: {', '.join(found['transports'])}; simulators: {', '.join(found['simulators'])}")
    ports = found["serial_ports"]
    console.print("serial ports: " + (", ".join(f"{p['port']} ({p['description']})" for p in ports) or "none found"))
    if connected := found.get("connected"):
        console.print(f"\n[bold]{connected['uri']}[/]" + ("  [yellow]SIMULATED[/]" if connected["simulated"] else ""))
        for key, value in connected.items():
            if key not in ("uri", "simulated"):
                words, unit = _parted(key)
                label = f"{words}: "
                for line in _readable(value):
                    typer.echo(listed(label, f"{line} {unit}".rstrip(), indent=2))
                    label = " " * len(label)


def _verified(levels: Mapping[str, Any]) -> list[str]:
    return [f"{level}: {by or 'not done'}" for level, by in levels.items()]


def _readable(value: Any) -> list[str]:
    """A capability as words, one line for each part."""
    match value:
        case bool():
            return ["yes" if value else "no"]
        case None:
            return ["unknown"]
        case {"L0": _, **_others}:
            return _verified(value)
        case dict():
            return [_quantity(key, number) for key, number in value.items()]
        case list() | tuple():
            return [", ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)]
        case _:
            return [str(value)]


_UNITS = {"ma_cm2": "mA/cm2", "cm2": "cm2", "ma": "mA", "us": "us", "uc": "uC", "mj": "mJ", "hz": "Hz", "ms": "ms"}


def _quantity(key: str, number: Any) -> str:
    """`max_current_ma` and 50.0 as `max current 50 mA`."""
    words, unit = _parted(key)
    said = f"{number:g}" if isinstance(number, int | float) else str(number)
    return f"{words} {said} {unit}".rstrip()


def _parted(key: str) -> tuple[str, str]:
    """`max_current_ma` as words and unit."""
    for ending, unit in _UNITS.items():
        if key.endswith("_" + ending):
            return key.removesuffix("_" + ending).replace("_", " "), unit
    return key.replace("_", " "), ""
