"""The report as a reader sees it: opened in a real browser, nothing fetched, nothing blank."""

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import matplotlib.image
import numpy as np
import pytest

from npr_daq.anatomy import Branch
from npr_daq.exam.exam import open_exam
from npr_daq.exam.seal import findings_or_reason
from npr_daq.report.html import write_report
from npr_daq.storage.writer import write_exam

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of every branch, one of them without an answer on the affected side."""
    folder = tmp_path_factory.mktemp("page")
    recording = synthetic.Face(kept={Branch.BUCCAL: 0.4, Branch.TEMPORAL: 0.0}).recording()
    found = findings_or_reason(recording, None)
    write_exam(recording, found.tables(), folder / "e.h5", findings_json=found.to_json())
    with open_exam(folder / "e.h5") as exam:
        write_report(exam, folder / "report.html")
    return folder / "report.html"


@pytest.mark.peer
@pytest.mark.skipif(BROWSER is None, reason="not run: no Chromium on this machine")
def test_the_report_is_drawn_and_fits_its_width(page: Path, tmp_path: Path) -> None:
    assert BROWSER is not None
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [BROWSER, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}",
         "--window-size=1280,4000", f"file://{page}"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert picture.exists(), done.stderr[-2000:]
    shown = matplotlib.image.imread(picture)[..., :3]
    assert shown.shape[:2] == (4000, 1280)
    ink = (shown < 0.6).any(axis=2)
    for top in range(0, 3000, 500):
        assert ink[top : top + 500].mean() > 0.002, f"rows {top}-{top + 500} of the page are blank"
    # Nothing runs over the right edge: the outermost columns are paper.
    assert not ink[:, -4:].any()
    assert np.unique(shown[600:3000].reshape(-1, 3).round(1), axis=0).shape[0] > 5
