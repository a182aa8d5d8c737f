"""Run PostgreSQL, which refuses to run as root, for a user who is root.

No user is added to the system, and no folder is opened to others: the data stay below a private folder.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import UnsupportedPlatform

NOBODY = 65534


@dataclass(frozen=True)
class RunAs:
    """How to become a user whom PostgreSQL accepts: what to put before a command, and who must own its files."""

    prefix: tuple[str, ...]
    owner: int

    def own(self, folder: Path) -> None:
        """Give the folder to that user; it may have been used by way of another recipe."""
        if not folder.exists() or folder.stat().st_uid == self.owner:
            return
        for parent, names, files in os.walk(folder):
            for name in (*names, *files):
                os.chown(os.path.join(parent, name), self.owner, self.owner, follow_symlinks=False)
        os.chown(folder, self.owner, self.owner)


# In a user namespace root is called nobody, and stays the owner of its files.
IN_NAMESPACE = RunAs(("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"), owner=0)
# Without namespaces, in many containers: really nobody, with the one right of root's that lets it reach
# the data and the binaries below folders that are closed to others; access(2), by which PostgreSQL looks for
# its own files, minds that right only without the set-uid fix-up. Changing the user clears the parent-death
# signal, so that it is asked for again.
AS_NOBODY = RunAs(
    (
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--securebits=+no_setuid_fixup",
        "--pdeathsig=INT",
        "--",
    ),
    owner=NOBODY,
)


def choose(works: Callable[[RunAs], bool] | None = None) -> RunAs:
    """Return how to run PostgreSQL as the present user. Raises UnsupportedPlatform if root has no way."""
    if os.geteuid() != 0:
        return RunAs((), owner=os.geteuid())
    for recipe in (IN_NAMESPACE, AS_NOBODY):
        if (works or _works)(recipe):
            return recipe
    raise UnsupportedPlatform(
        "PostgreSQL does not run as root, and this machine allows root neither user namespaces (unshare) nor "
        "another user (setpriv). Run Winnow as an ordinary user, or set DATABASE_URL to a PostgreSQL 18 server."
    )


def _works(recipe: RunAs) -> bool:
    command: Sequence[str] = (*recipe.prefix, "true")
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
