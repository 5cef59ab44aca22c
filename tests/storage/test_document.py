"""The document's own program for the checksum, run as it is printed: a judge that shares nothing with ours."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npr_daq.storage import layout
from npr_daq.storage.frames import FrameType
from npr_daq.storage.raw import raw_groups
from npr_daq.storage.table import Table
from npr_daq.storage.writer import write_exam

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exam_file.md").read_text(encoding="utf-8")


def printed_program() -> Any:
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.S) if "def raw_sha256" in block]
    names: dict[str, Any] = {}
    exec(source, names)
    return names["raw_sha256"]


def test_the_printed_program_finds_the_checksum(recording, tmp_path):
    tables = {"conduction": Table({"a": np.zeros(2)})}
    digest = write_exam(recording, tables, tmp_path / "exam.h5", findings_json="{}")
    assert printed_program()(tmp_path / "exam.h5") == digest


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_printed_program_finds_the_checksum_of_any_recording(data, recordings, tmp_path_factory):
    path = tmp_path_factory.mktemp("document") / "exam.h5"
    digest = write_exam(data.draw(recordings), {}, path)
    assert printed_program()(path) == digest


def test_every_group_column_and_frame_type_is_in_the_document(recording):
    groups = raw_groups(recording)
    for name in layout.RAW_GROUPS:
        assert f"`/{name}" in DOCUMENT
    for column in groups["sweeps/01_conduction_left_buccal"].variables:
        assert f"`{column}`" in DOCUMENT, column
    for kind in FrameType:
        assert f"{kind.value} {kind.name.lower().replace('_', ' ')}" in DOCUMENT
