"""Run a script of MMPose's: ``python tools/mmpose_tool.py publish_model ...``.

On the versions in requirements/lock.txt most of them stop at their imports,
or, like ``publish_model``, at a checkpoint, before they read a config that
could load the plug-in. Here the repairs of ``rcn_mmpose.compat`` come first;
then the script runs as it is.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

from rcn_mmpose import compat


def scripts() -> dict[str, Path]:
    """Return MMPose's scripts by their name, without ``.py``.

    Raises:
        ModuleNotFoundError: If MMPose is not installed.
    """
    spec = importlib.util.find_spec('mmpose')
    if spec is None:
        raise ModuleNotFoundError('MMPose is not installed; `make install` does it.')
    folder = Path(spec.origin).parent / '.mim'
    paths = [*folder.glob('demo/*.py'), *folder.glob('tools/**/*.py')]
    return {path.stem: path for path in paths}


def main() -> None:
    """Run the script named first, with the other arguments."""
    found = scripts()
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    if name not in found:
        sys.exit(
            f'{name!r} is no script of MMPose; give one of '
            f'{", ".join(sorted(found))}, then its arguments.'
        )
    compat.activate()
    # what Python itself does for a script
    sys.argv = [str(found[name]), *sys.argv[2:]]
    sys.path[0] = str(found[name].parent)
    runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    main()
