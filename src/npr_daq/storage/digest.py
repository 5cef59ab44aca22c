"""The checksum over everything raw in an exam file, the same from a recording in memory and from the file.

SHA-256 over the root's `config_json`, then over every raw group and variable in the order of their paths (compared as
UTF-8 bytes). Each contributes one line of canonical JSON, ended by a line feed: `path`, `attrs`, and for a variable
`dims`, `type` and `shape`. Behind the line of a variable follow its values: numbers as little-endian bytes in C order,
each text as its UTF-8 length (u64, little-endian) and its UTF-8 bytes.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npr_daq.recording import Recording
from npr_daq.storage.layout import AttrValue, Group, Variable
from npr_daq.storage.raw import config_json, raw_groups
from npr_daq.storage.text import canonical_json, number_to_json


def raw_sha256(recording: Recording) -> str:
    """The checksum that the exam file of `recording` will carry, without writing it."""
    return digest_of(config_json(recording), raw_groups(recording))


def digest_of(config: str, groups: Mapping[str, Group]) -> str:
    """The checksum of raw groups by path, with the header's canonical JSON."""
    hashed = RawDigest(config)
    for path, variable in ordered(groups):
        hashed.add(path, variable)
    return hashed.hexdigest()


def ordered(groups: Mapping[str, Group]) -> list[tuple[str, Group | Variable]]:
    """Groups and their variables by full path, in the order that the checksum takes."""
    items: list[tuple[str, Group | Variable]] = []
    for path, group in groups.items():
        items.append((path, group))
        items += [(f"{path}/{name}", variable) for name, variable in group.variables.items()]
    return sorted(items, key=lambda item: item[0].encode())


class RawDigest:
    """The running checksum; `add` in the order of `ordered`."""

    def __init__(self, config: str) -> None:
        self._hash = hashlib.sha256()
        self._line({"path": "config_json"})
        self._text(config)

    def add(self, path: str, item: Group | Variable) -> None:
        """One group or variable."""
        head: dict[str, Any] = {"path": path, "attrs": {name: attr_json(v) for name, v in item.attrs.items()}}
        if isinstance(item, Group):
            self._line(head)
            return
        kind = "text" if item.is_text else item.values.dtype.name
        self._line(head | {"dims": item.dims, "type": kind, "shape": item.values.shape})
        if item.is_text:
            for value in item.values.ravel():
                self._text(value)
        else:
            self._hash.update(_little_endian(item.values).data)

    def hexdigest(self) -> str:
        """The checksum so far."""
        return self._hash.hexdigest()

    def _line(self, value: Any) -> None:
        self._hash.update(canonical_json(value).encode() + b"\n")

    def _text(self, value: str) -> None:
        encoded = value.encode()
        self._hash.update(len(encoded).to_bytes(8, "little") + encoded)


def attr_json(value: AttrValue) -> Any:
    """An attribute as JSON, the same for a Python or NumPy value and for what HDF5 gives back."""
    if isinstance(value, np.ndarray):
        return [attr_json(item) for item in value.ravel().tolist()]
    if isinstance(value, np.generic):
        return attr_json(value.item())
    return number_to_json(value) if isinstance(value, float) else value


def _little_endian(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
