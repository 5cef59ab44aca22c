"""Groups and variables into HDF5 and out of it, in the form of netCDF-4; the one place that knows both."""

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from npr_daq.errors import RecordingError
from npr_daq.storage.layout import BOOKKEEPING, DIMENSION_ONLY, AttrValue, Group, Variable

_MAX_OBJECTS = 100_000
_MAX_DEPTH = 4
_MAX_RATIO = 1100
"""More than deflate can reach (1032); a data set that claims more is a bomb, not a recording."""


def put_group(parent: h5py.Group, path: str, group: Group) -> None:
    """Write `group` at `path` below `parent`, dimension scales attached."""
    target = parent.create_group(path, track_order=True)
    put_attrs(target, group.attrs)
    scales: dict[str, h5py.Dataset] = {}
    for name, variable in group.variables.items():
        if variable.dims == (name,):
            scales[name] = _create(target, name, variable)
            scales[name].make_scale(name)
    for variable in group.variables.values():
        for dim, length in zip(variable.dims, variable.values.shape, strict=True):
            if dim not in scales:
                scales[dim] = _dimension_only(target, dim, length)
    for name, variable in group.variables.items():
        if name not in scales:
            dataset = _create(target, name, variable)
            for axis, dim in enumerate(variable.dims):
                dataset.dims[axis].attach_scale(scales[dim])


def put_attrs(target: h5py.Group | h5py.Dataset, attrs: Mapping[str, AttrValue]) -> None:
    """Write attributes, texts as UTF-8."""
    for name, value in attrs.items():
        target.attrs[name] = value


def get_variable(dataset: h5py.Dataset, scales: dict[int, str] | None = None) -> Variable:
    """A variable with its values; `scales` as in `dims_of`."""
    return Variable(dims_of(dataset, scales), get_values(dataset), get_attrs(dataset))


def get_values(dataset: h5py.Dataset) -> Any:
    """The values of a variable as an array, texts as objects."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        return np.asarray(dataset[()])
    read = dataset.asstr()[()]
    values = np.empty(dataset.shape, object)
    values[...] = read
    return values


def get_attrs(target: h5py.Group | h5py.Dataset) -> dict[str, AttrValue]:
    """Attributes, without those that belong to dimension scales."""
    attrs = target.attrs
    return {name: attrs[name] for name in attrs if name not in BOOKKEEPING}


def dims_of(dataset: h5py.Dataset, scales: dict[int, str] | None = None) -> tuple[str, ...]:
    """Names of a variable's dimensions; a scale is its own.

    `scales` remembers names by their place in the file: who reads many variables of one file hands the same
    dictionary to every call, because HDF5 searches the whole file for the name of a scale that a variable refers to.
    """
    own = dataset.name.rpartition("/")[2]
    if dataset.is_scale:
        return (own,)
    known = {} if scales is None else scales
    return tuple(_scale_name(dim[0], known) if len(dim) else f"{own}_{axis}" for axis, dim in enumerate(dataset.dims))


def _scale_name(scale: h5py.Dataset, known: dict[int, str]) -> str:
    place = h5py.h5o.get_info(scale.id).addr
    if place not in known:
        known[place] = scale.name.rpartition("/")[2]
    return known[place]


def is_dimension_only(dataset: h5py.Dataset) -> bool:
    """Whether a data set only stands for a dimension without coordinate values."""
    if not dataset.is_scale:
        return False
    label = dataset.attrs.get("NAME", b"")
    return (label if isinstance(label, bytes) else str(label).encode()).startswith(DIMENSION_ONLY.encode())


def variables_of(group: h5py.Group) -> dict[str, h5py.Dataset]:
    """The data sets directly in `group` that hold values."""
    return {
        name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and not is_dimension_only(item)
    }


def subgroups(group: h5py.Group, path: str) -> Iterator[tuple[str, h5py.Group]]:
    """`group` and every group below it, with its path."""
    yield path, group
    for name, item in group.items():
        if isinstance(item, h5py.Group):
            yield from subgroups(item, f"{path}/{name}" if path else name)


def refuse_foreign(file: h5py.File, *, file_bytes: int) -> None:
    """Raise RecordingError for what an exam file never holds and what could make a reader open other files.

    That is: links other than plain ones, external storage, virtual data sets, types other than numbers and texts,
    more objects, more depth or larger data sets than the file can be true to (h5py#2891; storage study, section 6).
    """
    count = 0
    waiting = [(file["/"], 0)]
    while waiting:
        group, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise RecordingError("its groups nest deeper than those of an exam file")
        for name in group:
            count += 1
            if count > _MAX_OBJECTS:
                raise RecordingError(f"it holds more than {_MAX_OBJECTS} objects")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RecordingError(f"{name!r} is a link to elsewhere")
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append((item, depth + 1))
            else:
                _refuse_dataset(item, name, file_bytes)


def _refuse_dataset(item: Any, name: str, file_bytes: int) -> None:
    if not isinstance(item, h5py.Dataset):
        raise RecordingError(f"{name!r} is a stored type")
    if item.external or item.is_virtual:
        raise RecordingError(f"{name!r} keeps its data in another file")
    if item.dtype.kind not in "iuf" and h5py.check_string_dtype(item.dtype) is None:
        raise RecordingError(f"{name!r} is of type {item.dtype}")
    if item.nbytes > _MAX_RATIO * file_bytes and not is_dimension_only(item):
        raise RecordingError(f"{name!r} claims {item.nbytes / 1e6:.0f} MB, more than its file can hold")


def _create(target: h5py.Group, name: str, variable: Variable) -> h5py.Dataset:
    if variable.is_text:
        dataset = target.create_dataset(name, data=variable.values, dtype=h5py.string_dtype("utf-8"))
    elif variable.chunks is None:
        dataset = target.create_dataset(name, data=variable.values, **_fill(variable))
    else:
        dataset = target.create_dataset(
            name,
            data=variable.values,
            chunks=variable.chunks,
            shuffle=True,
            compression="gzip",
            compression_opts=1,
            fletcher32=True,
            **_fill(variable),
        )
    put_attrs(dataset, variable.attrs)
    return dataset


def _fill(variable: Variable) -> dict[str, Any]:
    fill = variable.attrs.get("_FillValue")
    return {"fillvalue": fill[0]} if isinstance(fill, np.ndarray) else {}


def _dimension_only(target: h5py.Group, name: str, length: int) -> h5py.Dataset:
    # never written, so it takes no room in the file
    dataset = target.create_dataset(name, shape=(length,), dtype=">f4")
    dataset.make_scale(f"{DIMENSION_ONLY}{length:10d}")
    return dataset
