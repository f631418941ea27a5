"""Report on the environment: ``python -m rcn_mmpose doctor``.

The report lists the installed versions beside the tested versions, each
workaround of :mod:`rcn_mmpose.compat` with its cure, and whether MMPose can be
imported. The exit status is 0 if MMPose can be imported, or if neither torch nor
MMPose is installed and shipped and exported models can predict; else it is 1.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
import textwrap
import traceback
import warnings
from collections.abc import Sequence

from .. import compat
from ..version import __version__
from .missing import PREDICTION

# Alternative distributions of each package, and the version in
# requirements/lock.txt; a dash if the package is not in the lock. The first
# installed distribution is reported.
TESTED = {
    ('torch',): '2.13.0',
    ('mmpose',): '1.3.2',
    ('mmengine', 'onedl-mmengine'): '0.10.7',
    ('mmcv-lite', 'mmcv', 'mmcv-full', 'onedl-mmcv'): '2.1.0',
    ('mmdet', 'onedl-mmdetection'): '3.3.0',
    ('numpy',): '2.2.6',
    ('onnx',): '1.23.2',
    ('onnxruntime',): '1.24.4' if sys.version_info >= (3, 11) else '1.23.2',
    (
        'opencv-python-headless',
        'opencv-python',
        'opencv-contrib-python-headless',
        'opencv-contrib-python',
    ): '4.12.0.88',
    ('pycocotools',): '2.0.11',
    ('xtcocotools',): '-',
    ('torchvision',): '-',
    ('setuptools',): '81.0.0',
    ('six',): '1.17.0',
}
NEEDED = ('numpy', 'cv2', 'onnxruntime')  # required by exported models
MODULES = ('mmpose.models', 'mmpose.datasets', 'mmpose.visualization')


def installed(distributions: Sequence[str]) -> tuple[str, str]:
    """Return name and version of the first installed distribution, or a dash."""
    for name in distributions:
        try:
            return name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return distributions[0], '-'


def versions() -> list[tuple[str, str, str]]:
    """Return (name, installed version, tested version) of each package."""
    rows = [('python', platform.python_version(), '3.10 to 3.12')]
    for distributions, tested in TESTED.items():
        rows.append((*installed(distributions), tested))
    return rows


def hazards() -> list[str]:
    """Return settings and versions that let a malicious checkpoint run code."""
    found = []
    _, version = installed(['torch'])
    if version != '-' and compat.release(version) < (2, 6):
        found.append(
            f'torch {version} loads checkpoints without a check, and '
            'mmengine does not request one: a malicious file can run code. '
            'Install torch 2.6 or newer, or load only files that you trust.'
        )
    name = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
    if os.environ.get(name, '').lower() in ('1', 'y', 'yes', 'true'):
        found.append(
            f'{name} is set: a malicious checkpoint can run code. Unset it; '
            'rcn_mmpose loads checkpoints of MMEngine without it.'
        )
    return found


def failures() -> list[str]:
    """Import MMPose; return one line for each module that fails."""
    found = []
    for name in MODULES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                importlib.import_module(name)
        except Exception as error:
            message = traceback.format_exception_only(error)[-1].strip()
            found.append(f'{name} does not import: {message}')
    return found


def absent(modules: Sequence[str]) -> list[str]:
    """Return the modules that are not installed.

    Modules are searched, not imported: importing a broken OpenCV prints errors.
    """
    return [name for name in modules if importlib.util.find_spec(name) is None]


def prediction() -> str:
    """Return a sentence on whether models can predict here without MMPose."""
    missing = absent(NEEDED)
    which = 'Shipped and exported models (.onnx)'
    if not missing:
        return f'{which} predict here: they need neither MMPose nor torch.'
    return (
        f'{which} need neither MMPose nor torch. Not installed: '
        f'{", ".join(missing)}; {PREDICTION}.'
    )


def _paragraph(text: str, indent: str, first: str | None = None) -> str:
    return textwrap.fill(
        text,
        79,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report.

    Args:
        arguments: The command line; None for ``sys.argv``.

    Returns:
        0 if MMPose can be imported, or if this environment is made for
        prediction only and can predict; else 1.
    """
    parser = argparse.ArgumentParser(
        prog='python -m rcn_mmpose doctor',
        description='Report versions and active workarounds.',
    )
    parser.parse_args(arguments)

    print(f'rcn_mmpose {__version__}\n')
    print(f'{"package":<24}{"installed":<16}tested')
    for name, version, tested in versions():
        print(f'{name:<24}{version:<16}{tested}')

    compat.activate()
    # An environment for prediction only is complete without them.
    predicts_only = absent(('torch', 'mmpose')) == ['torch', 'mmpose']
    failed = [] if predicts_only else failures()
    print('\nWorkarounds')
    for workaround in compat.WORKAROUNDS:
        state = 'active' if workaround.active else 'not needed'
        print(f'  {workaround.name}: {state}')
        if workaround.active:
            print(_paragraph(workaround.reason, ' ' * 15, '    needed as  '))
            print(_paragraph(workaround.fault, ' ' * 15, '    fault      '))
            print(_paragraph(workaround.versions, ' ' * 15, '    versions   '))
            print(_paragraph(workaround.cure, ' ' * 15, '    cure       '))
    print()
    for hazard in hazards():
        print(_paragraph(f'Hazard: {hazard}', '  ', ''))
    for failure in failed:
        print(_paragraph(failure, '  ', ''))
    if predicts_only:
        print('Neither torch nor MMPose is installed; training needs both.')
        print(_paragraph(prediction(), ''))
        return 1 if absent(NEEDED) else 0
    if failed:
        print(
            'MMPose cannot be used here. `make install` builds an '
            'environment\nin which it can, from requirements/lock.txt.'
        )
        print(_paragraph(prediction(), ''))
    else:
        print('MMPose can be used here.')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
