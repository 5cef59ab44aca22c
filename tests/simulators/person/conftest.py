"""Templates of the people in these tests are kept in a folder of this run, never in the user's own."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _templates_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NPR_DAQ_CACHE", str(tmp_path_factory.mktemp("templates")))
        yield
