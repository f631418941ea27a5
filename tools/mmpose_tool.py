"""Run a script of MMPose: ``python tools/mmpose_tool.py publish_model ...``.

With the versions in requirements/lock.txt most scripts of MMPose fail at their
imports, or, like ``publish_model``, when they load a checkpoint. They fail before
they read a config that could load this package. This tool first activates the
workarounds of ``rcn_mmpose.compat`` and then runs the unchanged script.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

from rcn_mmpose import compat


def scripts() -> dict[str, Path]:
    """Return the paths of MMPose's scripts by name, without ``.py``.

    Raises:
        ModuleNotFoundError: If MMPose is not installed.
    """
    spec = importlib.util.find_spec('mmpose')
    if spec is None:
        raise ModuleNotFoundError('MMPose is not installed; run `make install`.')
    folder = Path(spec.origin).parent / '.mim'
    paths = [*folder.glob('demo/*.py'), *folder.glob('tools/**/*.py')]
    return {path.stem: path for path in paths}


def main() -> None:
    """Run the script that the first argument names, with the other arguments."""
    found = scripts()
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    if name not in found:
        sys.exit(
            f'{name!r} is not a script of MMPose; give one of '
            f'{", ".join(sorted(found))}, then its arguments.'
        )
    compat.activate()
    # Python sets these values in the same way for a script.
    sys.argv = [str(found[name]), *sys.argv[2:]]
    sys.path[0] = str(found[name].parent)
    runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    main()
