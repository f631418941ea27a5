"""Sessions of nox: tests with other versions, coverage, mutation testing.

    pip install nox
    nox --list
    nox -s locked-3.12 numpy

Each session has its own environment below .nox/. The Makefile builds it from
requirements/lock.txt; then the session replaces some packages. A session whose
interpreter is not on the PATH is skipped.
"""

from __future__ import annotations

import os
import shutil

import nox

nox.needs_version = '>=2024.4.15'
nox.options.default_venv_backend = 'none'

VERSIONS = ['3.10', '3.11', '3.12']
nox.options.sessions = [f'locked-{version}' for version in VERSIONS]
PYTHON = '3.11'  # for the sessions that replace packages
# Variables of an outer `make` that must not reach the `make` of a session.
OF_MAKE = ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'VIRTUAL_ENV', 'PYTHONPATH')

# Tests that require exactly the versions of the lock.
WITHOUT_LOCK = [
    f'--deselect=tests/test_setup.py::{name}'
    for name in (
        'test_the_environment_equals_the_lock',
        'test_the_lock_contains_all_requirements',
    )
]


def install(session: nox.Session, python: str = PYTHON) -> str:
    """Build an environment from the lock.

    Returns:
        str: Path of its interpreter.
    """
    name = f'python{python}'
    if shutil.which(name) is None:
        session.skip(f'{name} is not on the PATH.')
    for variable in OF_MAKE:
        session.env[variable] = None
    venv = os.path.join('.nox', session.name)
    session.run('make', f'PYTHON={name}', f'VENV={venv}', 'install')
    return os.path.abspath(os.path.join(venv, 'bin', 'python'))


def exchange(session: nox.Session, python: str, wanted: str, *without: str) -> None:
    """Replace a package of the lock by another version, without dependencies."""
    if without:
        session.run(python, '-m', 'pip', 'uninstall', '-y', *without)
    session.run(
        *(python, '-m', 'pip', 'install', '--no-deps'),
        *('--no-build-isolation', wanted),
    )


def test(session: nox.Session, python: str, *options: str) -> None:
    """Run all tests, or the tests named after ``--``."""
    session.run(python, '-m', 'rcn_mmpose.environment.diagnosis')
    session.run(python, '-m', 'pytest', *options, *session.posargs)


def locked(session: nox.Session) -> None:
    """Run the tests with the lock on one version of Python."""
    test(session, install(session, session.name.removeprefix('locked-')))


for version in VERSIONS:
    nox.session(name=f'locked-{version}')(locked)


@nox.session
def numpy(session: nox.Session) -> None:
    """Run the tests with the newest numpy that the `mm` extra allows."""
    python = install(session)
    exchange(session, python, 'numpy==2.3.5')
    test(session, python, *WITHOUT_LOCK)


@nox.session
def fork(session: nox.Session) -> None:
    """Run the tests with the maintained fork of MMEngine."""
    python = install(session)
    exchange(session, python, 'onedl-mmengine==0.10.12', 'mmengine')
    test(session, python, *WITHOUT_LOCK)


@nox.session
def operators(session: nox.Session) -> None:
    """Run the tests with mmcv's operators (10 to 30 minutes to compile)."""
    python = install(session)
    session.env['MMCV_WITH_OPS'] = '1'
    exchange(session, python, 'mmcv==2.1.0', 'mmcv-lite')
    session.run(python, '-c', 'import mmcv.ops')
    test(session, python, *WITHOUT_LOCK)


@nox.session
def openvino(session: nox.Session) -> None:
    """Compare exported models in OpenVINO with PyTorch."""
    python = install(session)
    exchange(session, python, 'openvino==2026.4.1')
    session.run(
        *(python, '-m', 'pytest', 'tests/test_inference/test_openvino.py'),
        *session.posargs,
    )


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure branch coverage, including the processes that tests start."""
    python = install(session)
    exchange(session, python, 'coverage==7.17.3')
    run = ('-m', 'coverage', 'run', '-m', 'pytest', *session.posargs)
    session.run(python, *run)
    session.run(python, '-m', 'coverage', 'combine')
    session.run(python, '-m', 'coverage', 'report', '--fail-under=90')


@nox.session
def mutation(session: nox.Session) -> None:
    """Mutation testing of the core, about half an hour.

    The session ends with a list of the surviving mutants, which no test has
    detected; `mutmut show NAME` shows one.
    """
    python = install(session)
    session.run(python, '-m', 'pip', 'install', 'mutmut==3.8.1')
    session.env['OMP_NUM_THREADS'] = '1'  # each mutant is tested in a fork
    session.run(python, '-m', 'mutmut', 'run', *session.posargs)
    session.run(python, '-m', 'mutmut', 'results')
