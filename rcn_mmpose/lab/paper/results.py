"""Recorded results: one small JSON file per config, with all its runs.

A file holds ``config`` and ``runs``. A run is one training, or one joint
model, with its tests:

======================== ==================================================
``fingerprint``          hash of the resolved config, without the seed
``settings``             fields of ``experiment.Settings``
``seed``, ``epochs``     epochs in a list, one entry per training
``trained_on``           number of faces and description of the face list
``validation``           name of the value, the best ``score`` and its
                         ``epoch``, and the ``curve`` by epoch
``command``              command that repeats the training
``seconds``, ``device``  duration and device of the training
``versions``, ``date``   package versions; date of the training's end
``tests``                by test set: ``fingerprint``, ``list`` and ``faces``,
                         number of ``tested`` faces, ``date``, ``command``,
                         ``errors`` in percent by FaceNME's names
======================== ==================================================
"""

from __future__ import annotations

import datetime
import json
import os.path as osp
import re

from ...environment.diagnosis import versions
from ...io.atomic import write_whole
from .experiment import Experiment, Settings
from .tables import FaceTestSet, Tables

# Recorded errors: all keypoints or the 49, all faces or a subset, but not the
# errors of single keypoints.
KEPT = re.compile(
    r'NME_(cells|pixels)_(eye_points|eye_centres|outer_corners|box)(_49)?'
    r'(_(common|challenging|helen_test|lfpw_test|frontal|turned|profile))?'
)
PACKAGES = ('torch', 'mmengine', 'mmpose', 'mmcv', 'numpy', 'opencv')


def read_runs(folder: str, config: str) -> list[dict]:
    """Read all runs of a config.

    Args:
        folder (str): Folder of the results.
        config (str): Name of the config.

    Raises:
        ValueError: If the file is truncated.
    """
    path = osp.join(folder, f'{config}.json')
    if not osp.isfile(path):
        return []
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)['runs']
    except (ValueError, KeyError) as error:
        raise ValueError(
            f'{path} is no whole file of results ({error}); restore its last '
            'version, or delete it and run its rows again.'
        ) from None


def write_run(folder: str, experiment: Experiment, run: dict) -> None:
    """Record a run; it replaces an earlier record of the same run."""
    runs = [
        other
        for other in read_runs(folder, experiment.name)
        if identity(other) != identity(run)
    ]
    runs = sorted([*runs, run], key=identity)
    text = json.dumps(dict(config=experiment.path, runs=runs), indent=1)
    # Lists of numbers on one line, because a curve has a value per epoch.
    text = re.sub(
        r'\[\s+((?:[-\d.e]+|null)(?:,\s+(?:[-\d.e]+|null))*)\s+\]',
        lambda found: f'[{" ".join(found[1].split())}]',
        text,
    )
    path = osp.join(folder, f'{experiment.name}.json')
    write_whole(path, f'{text}\n'.encode())


def identity(run: dict) -> tuple:
    """Return the key of a run; another run with this key replaces it."""
    return (
        run['settings']['data'],
        run['epochs'],
        [(f['list'], f['faces']) for f in run['trained_on']],
        list(run['settings']['arguments']),
        list(run['settings']['options']),
        run['seed'],
    )


def find_run(folder: str, experiment: Experiment) -> dict | None:
    """Find the recorded run of an experiment.

    If the training faces are on this machine, the run must have been trained
    on the same faces.
    """
    missing = experiment.missing()
    for run in read_runs(folder, experiment.name):
        if (
            run['fingerprint'] == experiment.fingerprint
            and run['seed'] == experiment.seed
            and (missing or run['trained_on'] == experiment.trained_on)
        ):
            return run
    return None


def valid_runs(
    folder: str, root: str, tables: Tables, config: str, data: str
) -> tuple[list[dict], int]:
    """Return the runs of a config whose fingerprint is still valid.

    Args:
        folder (str): Folder of the results.
        root (str): Folder of the project.
        tables (Tables): All tables.
        config (str): Name of the config.
        data (str): ``'real'`` or ``'synthetic'``.

    Returns:
        tuple[list[dict], int]: The valid runs, without tests whose test set
        has changed; and the number of outdated runs.
    """
    valid, stale = [], 0
    for run in read_runs(folder, config):
        if run['settings']['data'] != data:
            continue
        try:
            settings = Settings(**run['settings'])
            now = Experiment(root, tables, config, settings, run['seed'])
        except (KeyError, IndexError, TypeError, ValueError):
            stale += 1  # the options do not fit the config any more
            continue
        tests = {
            test.name: run['tests'][test.name]
            for test in now.tests
            if is_tested(run, now, test)
        }
        if tests and now.fingerprint == run['fingerprint']:
            valid.append(dict(run, tests=tests))
        else:
            stale += 1
    return valid, stale


def is_tested(run: dict, experiment: Experiment, test: FaceTestSet) -> dict | None:
    """Return the recorded test of a run, None if missing or outdated."""
    done = run['tests'].get(test.name)
    if done and done['fingerprint'] == experiment.test_fingerprint(test):
        return done
    return None


def kept_errors(metrics: dict[str, float]) -> dict[str, float]:
    """Return the errors that tables show, rounded to 4 digits."""
    return {
        name: round(value, 4) for name, value in metrics.items() if KEPT.fullmatch(name)
    }


def package_versions() -> dict[str, str]:
    """Return the package versions that a result depends on."""
    found = {name: version for name, version, _ in versions()}
    return {
        name: version
        for name, version in found.items()
        if name == 'python'
        or name.removeprefix('onedl-').startswith(PACKAGES)
        and version != '-'
    }


def today() -> str:
    """Return today's date, such as ``'2026-01-31'``."""
    return datetime.date.today().isoformat()
