"""Control folders that killed simulators have left behind, and their removal."""

import os
import shutil
import socket
import stat
from pathlib import Path

PREFIX = "npr-sim-"
SOCKET = "control"


def remove_leftovers(temporary: Path) -> list[Path]:
    """Remove the folders of dead simulators of this user in `temporary`; gives those that were removed.

    Dead is where the control socket refuses connections: a simulator's socket has this name only while it listens.
    What is no folder of ours, or cannot be judged, stays.
    """
    return [
        folder for folder in temporary.glob(f"{PREFIX}*") if _is_ours(folder) and _refuses(folder) and _gone(folder)
    ]


def _is_ours(folder: Path) -> bool:
    try:
        facts = folder.lstat()  # not stat: a link of this name may point anywhere
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()


def _refuses(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(0.0)  # a full queue of connects is a living simulator, and nothing to wait for
        try:
            caller.connect(str(folder / SOCKET))
        except ConnectionRefusedError:
            return True
        except (OSError, ValueError):
            return False
    return False


def _gone(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
