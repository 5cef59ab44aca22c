"""A table of findings: a small sequence of rows that can become columns or a pandas frame."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from npr_daq.findings import late_rows, rows, synkinesis_rows

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R")

_TEXT = {"str", "str | None", "Mapping[str, Any]", "tuple[str, ...]", "tuple[float | None, ...]"}

MAIN = {**rows.MAIN, **late_rows.MAIN, **synkinesis_rows.MAIN}
UNITS = {**rows.UNITS, **late_rows.UNITS, **synkinesis_rows.UNITS}


class TableView(Sequence[R], Generic[R]):
    """Rows of one kind, in order. Nested values become columns of their own: `quality_accepted`, `ci95_percent_low`."""

    def __init__(self, row_type: type[R], rows: Sequence[R] = ()) -> None:
        self.row_type = row_type
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> "TableView[R]": ...
    def __getitem__(self, index: int | slice) -> "R | TableView[R]":
        """A row, or a table of fewer rows."""
        if isinstance(index, slice):
            return TableView(self.row_type, self._rows[index])
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableView) and self._rows == other._rows

    def __hash__(self) -> int:
        return hash((self.row_type, len(self._rows)))

    def __repr__(self) -> str:
        """The main columns as aligned text, one line a row: `-` for None, two decimals."""
        if not self._rows:
            return f"<0 x {self.row_type.__name__}>"
        names = MAIN.get(self.row_type) or tuple(_kinds(self.row_type))
        cells = [[_shown(row[name]) for name in names] for row in (_flatten(self.row_type, r) for r in self._rows)]
        widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
        kinds = _kinds(self.row_type)
        left = [kinds[name] in _TEXT for name in names]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if text else cell.rjust(width)
                for cell, width, text in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in ([*names], *cells)
        )

    def where(self, **values: object) -> "TableView[R]":
        """The rows whose fields equal `values`."""
        return TableView(
            self.row_type, [row for row in self._rows if all(getattr(row, k) == v for k, v in values.items())]
        )

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows as JSON-safe objects with the keys of the findings' JSON."""
        return [_plain(row) for row in self._rows]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Flat columns: float64 with NaN for None, text with "" for None, bool, int8 with -1 for None if it may be."""
        flat = [_flatten(self.row_type, row) for row in self._rows]
        kinds = _kinds(self.row_type)
        return {name: _column([row[name] for row in flat], kind) for name, kind in kinds.items()}

    def units(self) -> dict[str, str]:
        """Unit of every numeric column."""
        return {name: UNITS[name] for name in _kinds(self.row_type) if name in UNITS}

    def to_frame(self) -> "pd.DataFrame":
        """The columns as a pandas frame, the main ones first; `attrs["units"]` has the units.

        pandas is imported here and nowhere else. A frame that is wider than the screen hides its middle; `print` of
        the table itself does not.
        """
        import pandas as pd

        columns = self.columns()
        main = MAIN.get(self.row_type, ())
        frame = pd.DataFrame({name: columns[name] for name in (*main, *(n for n in columns if n not in main))})
        frame.attrs["units"] = self.units()
        return frame


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


plain = _plain
"""A value as JSON-safe data: dataclasses as objects, tuples as lists, NaN and infinity as None."""


def _nested(row_type: type[Any]) -> Iterator[tuple[str, str, type[Any] | None, str]]:
    """(column, field, nested dataclass or None, kind) of a row type, flattened one level."""
    for f in fields(row_type):
        if isinstance(f.type, type) and is_dataclass(f.type):
            for inner in fields(f.type):
                yield f"{f.name}_{inner.name}", f.name, f.type, _name(inner.type)
        elif _name(f.type).startswith("tuple[float, float]"):
            yield f"{f.name}_low", f.name, None, "float"
            yield f"{f.name}_high", f.name, None, "float"
        else:
            yield f.name, f.name, None, _name(f.type)


def _name(annotation: object) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")


def _kinds(row_type: type[Any]) -> dict[str, str]:
    return {column: kind for column, _, _, kind in _nested(row_type)}


def _flatten(row_type: type[Any], row: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for column, name, inner, _ in _nested(row_type):
        value = getattr(row, name)
        if inner is not None:
            flat[column] = getattr(value, column.removeprefix(f"{name}_"))
        elif column == f"{name}_low":
            flat[column] = None if value is None else value[0]
        elif column == f"{name}_high":
            flat[column] = None if value is None else value[1]
        else:
            flat[column] = value
    return flat


def _column(values: list[Any], kind: str) -> NDArray[Any]:
    if kind in _TEXT:
        return np.array([_text(v) for v in values], dtype=object)
    if kind == "bool":
        return np.array(values, dtype=bool)
    if kind == "bool | None":
        return np.array([-1 if v is None else int(v) for v in values], dtype=np.int8)
    if kind == "int":
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # What rounds to zero has no sign.
    return f"{round(value, 2) + 0.0:.2f}" if isinstance(value, float) else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "; ".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return json.dumps(_plain(value), sort_keys=True)
    return str(value)
