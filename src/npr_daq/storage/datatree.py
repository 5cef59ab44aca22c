"""An exam file as an xarray DataTree, counts turned into corrected volts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from npr_daq.calibration import MISSING
from npr_daq.storage.hdf import get_variable, subgroups, variables_of
from npr_daq.storage.layout import Variable

_APPLIED = (
    "npr-daq: volts = counts x scale_factor x gain + offset applied; missing samples are NaN; time shifted by "
    "-delay, not resampled"
)


def tree_of(file: Any, attrs: Mapping[str, Any]) -> xr.DataTree:
    """Every group of an open exam file as a node."""
    said = str(attrs.get("history", ""))
    history = f"{said}\n{_APPLIED}" if said else _APPLIED
    nodes = {
        f"/{path}": _node({name: get_variable(dataset) for name, dataset in variables_of(group).items()}, group.attrs)
        for path, group in subgroups(file["/"], "")
        if path
    }
    nodes["/"] = xr.Dataset(attrs={**attrs, "history": history})
    return xr.DataTree.from_dict(nodes, name=str(attrs.get("session_uuid", "")) or None)


def _node(variables: dict[str, Variable], attrs: Mapping[str, Any]) -> xr.Dataset:
    plain = {name: _plain(value) for name, value in attrs.items()}
    data = {name: _decoded(variable) for name, variable in variables.items()}
    if "emg" in variables:
        plain["history"] = _correct(data, variables["emg"])
    names = [name for name, (dims, *_) in data.items() if dims == (name,)]
    coords = {name: data.pop(name) for name in [*names, *(n for n in ("delay_left",) if n in data)]}
    return xr.Dataset(data, coords=coords, attrs=plain)


def _decoded(variable: Variable) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
    attrs = {name: _plain(value) for name, value in variable.attrs.items()}
    if attrs.get("dtype") == "bool":
        del attrs["dtype"]
        return variable.dims, variable.values.astype(bool), attrs
    return variable.dims, variable.values, attrs


def _correct(data: dict[str, Any], emg: Variable) -> str:
    """Replace counts by volts and the time by the corrected one; returns what was done, for `history`."""
    attrs = {k: _plain(v) for k, v in emg.attrs.items() if k not in ("scale_factor", "_FillValue", "comment")}
    gain, offset, delay = (data[name][1] for name in ("gain", "offset", "delay"))
    with np.errstate(all="ignore"):
        volts = emg.values * (emg.attrs["scale_factor"] * gain)[:, None]
        volts += offset[:, None]
    volts[emg.values == MISSING] = np.nan
    known = delay[np.isfinite(delay)]
    shift = float(np.median(known)) if known.size else 0.0
    if "time" in data:
        dims, time, time_attrs = data["time"]
    else:
        with np.errstate(all="ignore"):
            time = attrs.pop("t0") + np.arange(emg.values.shape[-1]) / attrs["rate"]
        dims, time_attrs = ("time",), {"units": "s", "long_name": "time in the stream"}
    data["time"] = dims, time - shift, time_attrs
    done = f"{_APPLIED} (by {shift * 1e6:.3f} us)"
    if np.any(delay != shift):  # also where a delay is not a number
        left = {"units": "s", "long_name": "delay of the channel that the time coordinate does not hold"}
        with np.errstate(all="ignore"):
            data["delay_left"] = ("channel",), delay - shift, left
        done += "; channels differ, see delay_left"
    attrs["history"] = done
    data["emg"] = emg.dims, volts, attrs
    return done


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
