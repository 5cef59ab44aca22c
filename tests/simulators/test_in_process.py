"""Instruments in a thread of this process: what is recorded, and how they end."""

import threading

import numpy as np
import pytest

import npr_daq as npr
from npr_daq.errors import TransportError, UsageError
from npr_daq.testing import bench as held
from npr_simulators.process import FRONTEND


def test_a_memory_line_records_what_the_patient_gives_and_ends_with_its_bench() -> None:
    before = threading.active_count()
    with npr.connect("sim:healthy?seed=3&listen=memory") as bench:
        assert bench.simulated
        assert bench.simulator is not None
        test = held.Bench(bench.device, bench.clock)
        stream = test.start(2000)
        recorded = np.concatenate([block.counts for block in held.blocks(test.run(stream, 300))], axis=1)
        assert recorded.shape == (16, 600)
        assert recorded.std(axis=1).min() > 0
        # what would end a simulator's process ends its thread here, and the driver finds the line closed
        bench.simulator.client.call("fault", layer="process", what="exit")
        with pytest.raises(TransportError):
            test.run(stream, 300)
    assert threading.active_count() == before


def test_what_needs_a_file_or_a_patient_is_refused() -> None:
    with pytest.raises(UsageError, match="no file to link to"):
        FRONTEND.launch("healthy", listen="memory", link="/tmp/line")
    with pytest.raises(UsageError, match="no simulated patient is called 'helthy'; did you mean"):
        FRONTEND.launch("helthy", listen="memory")
