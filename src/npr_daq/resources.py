"""Find the data files that ship with the program, in the wheel or in a checkout."""

from pathlib import Path

from npr_daq.errors import UsageError

_IN_CHECKOUT = {"protocols": "protocols", "calibration/nominal": "calibration/nominal"}


def bundled(name: str) -> Path:
    """The folder `name` ("protocols", "calibration/nominal") of this installation.

    A wheel carries it below `npr_daq/data`, an editable install has it at the top of the checkout.
    """
    package = Path(__file__).resolve().parent
    installed = package / "data" / name
    if installed.is_dir():
        return installed
    if name in _IN_CHECKOUT:
        checkout = package.parents[1] / _IN_CHECKOUT[name]
        if checkout.is_dir():
            return checkout
    raise UsageError(f"the data folder {name!r} is missing from this installation; reinstall npr-daq")
