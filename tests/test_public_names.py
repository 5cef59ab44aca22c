"""The names that scripts use, as the README and the interface spell them."""

import subprocess
import sys

import numpy as np
import pytest

import npr_daq as npr


def test_analysis_is_reached_without_further_imports() -> None:
    sweep = np.zeros((2, 800))
    found = npr.analysis.evoked.measure(sweep, rate_hz=20_000, stimulus_sample=200)
    assert found.present.shape == (2,)
    assert not found.present.any()
    assert npr.analysis.symmetry.ratio(np.full(5, 1.0), np.full(5, 2.0)).percent == pytest.approx(50.0)


@pytest.mark.parametrize("name", npr.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(npr, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="npr_daq"):
        npr.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, npr_daq; print(sorted({'numpy', 'scipy', 'h5py', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
