"""Columns of the exam file: values with a unit and a long name, from plain Python rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.errors import RecordingError
from npr_daq.storage.layout import AttrValue, Variable
from npr_daq.storage.text import clean


def attributes(units: str | None, long_name: str | None) -> dict[str, AttrValue]:
    """`units` and `long_name`, each where it is given."""
    given = {"units": units, "long_name": long_name}
    return {name: value for name, value in given.items() if value is not None}


def number(dim: str, values: Iterable[float], units: str, long_name: str) -> Variable:
    """A column of float64."""
    return Variable((dim,), np.array(list(values), np.float64), attributes(units, long_name))


def integer(dim: str, values: Iterable[int], long_name: str) -> Variable:
    """A column of int64 without a unit; RecordingError for what does not fit."""
    return _whole(dim, values, np.int64, long_name)


def sample_index(dim: str, values: Iterable[int], long_name: str) -> Variable:
    """A column of uint64, as the device counts samples."""
    return _whole(dim, values, np.uint64, long_name)


def flag(dim: str, values: Iterable[bool], long_name: str) -> Variable:
    """A column of yes and no: int8 with the attribute by which xarray makes it bool; netCDF has no bool."""
    data = np.array(list(values), np.int8)
    return Variable((dim,), data, {"dtype": "bool", "long_name": long_name})


def text(dim: str, values: Iterable[str], long_name: str | None) -> Variable:
    """A column of UTF-8 texts."""
    return Variable((dim,), texts(values), attributes(None, long_name))


def scalar_text(value: str, long_name: str) -> Variable:
    """One text."""
    data = np.empty((), object)
    data[()] = clean(value)
    return Variable((), data, attributes(None, long_name))


def index(dim: str, length: int, long_name: str) -> Variable:
    """The coordinate 0 .. length-1 of a table."""
    return Variable((dim,), np.arange(length, dtype=np.int64), attributes(None, long_name))


def texts(values: Iterable[str]) -> NDArray[Any]:
    """An object array of texts that HDF5 can hold."""
    cleaned = [clean(value) for value in values]
    data = np.empty(len(cleaned), object)
    data[:] = cleaned
    return data


def findings_column(name: str, values: NDArray[Any] | Sequence[Any], unit: str | None) -> Variable:
    """A column of a findings table on dimension `row`; None becomes NaN beside numbers, an empty text beside texts.

    RecordingError for what is neither numbers, yes and no, nor texts.
    """
    attrs = attributes(unit, None)
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and 1 <= values.ndim <= 2:
        dims = ("row",) if values.ndim == 1 else ("row", f"of_{values.shape[1]}")
        return Variable(dims, values.astype(values.dtype.newbyteorder("="), order="C"), attrs)
    items = list(values.tolist() if isinstance(values, np.ndarray) else values)
    flags = isinstance(values, np.ndarray) and values.dtype.kind == "b"
    if flags or (items and all(isinstance(item, bool) for item in items)):
        return Variable(("row",), np.array(items, np.int8), {**attrs, "dtype": "bool"})
    if items and all(type(item) is int for item in items):
        return Variable(("row",), np.array(items, np.int64), attrs)
    if items and all(item is None or isinstance(item, bool | int | float) for item in items):
        return Variable(("row",), np.array([np.nan if i is None else i for i in items], np.float64), attrs)
    if all(item is None or isinstance(item, str) for item in items):
        return Variable(("row",), texts("" if item is None else str(item) for item in items), attrs)
    raise RecordingError(f"the findings column {name!r} is neither numbers nor texts: {items[:3]!r}")


def _whole(dim: str, values: Iterable[int], dtype: type[np.integer[Any]], long_name: str) -> Variable:
    listed = [int(value) for value in values]
    limits = np.iinfo(dtype)
    for value in listed:
        if not limits.min <= value <= limits.max:
            raise RecordingError(f"{long_name}: {value} does not fit {np.dtype(dtype).name}")
    return Variable((dim,), np.array(listed, dtype), attributes(None, long_name))
