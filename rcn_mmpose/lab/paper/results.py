"""Results on record: one small json a config, with all of its runs.

A file holds ``config`` and ``runs``; a run is one training, or one joint
model, with its tests:

======================== ==================================================
``fingerprint``          of the resolved config, without the seed
``settings``             what was asked for: :class:`~.experiment.Settings`
``seed``, ``epochs``     epochs in a list, one entry a training
``trained_on``           faces and what their annotations call the list
``validation``           name of the value, the best ``score`` and its
                         ``epoch``, and the ``curve`` by epoch
``command``              to repeat the training
``seconds``, ``device``  of the training
``versions``, ``date``   of packages; of the training's end
``tests``                by test set: ``fingerprint``, faces and list, how
                         many were ``tested``, ``date``, ``command``,
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
from .tables import Tables, TestSet

# all keypoints or the 49, all faces or a subset; not each keypoint
KEPT = re.compile(
    r'NME_(cells|pixels)_(eye_points|eye_centres|outer_corners|box)(_49)?'
    r'(_(common|challenging|helen_test|lfpw_test|frontal|turned|profile))?'
)
PACKAGES = ('torch', 'mmengine', 'mmpose', 'mmcv', 'numpy', 'opencv')


def read_runs(folder: str, config: str) -> list[dict]:
    """Read all runs of a config.

    Args:
        folder (str): Of results.
        config (str): Name of the config.

    Raises:
        ValueError: If the file is cut short.
    """
    path = osp.join(folder, f'{config}.json')
    if not osp.isfile(path):
        return []
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)['runs']
    except (ValueError, KeyError) as error:
        raise ValueError(
            f'{path} is no whole file of results ({error}); take back its '
            'last version, or delete it and run its rows again.'
        ) from None


def write_run(folder: str, experiment: Experiment, run: dict) -> None:
    """Keep a run, in the place of the same one before if there is one."""
    runs = [
        other
        for other in read_runs(folder, experiment.name)
        if identity(other) != identity(run)
    ]
    runs = sorted([*runs, run], key=identity)
    text = json.dumps(dict(config=experiment.path, runs=runs), indent=1)
    # numbers side by side: a curve is as long as the training
    text = re.sub(
        r'\[\s+((?:[-\d.e]+|null)(?:,\s+(?:[-\d.e]+|null))*)\s+\]',
        lambda found: f'[{" ".join(found[1].split())}]',
        text,
    )
    path = osp.join(folder, f'{experiment.name}.json')
    write_whole(path, f'{text}\n'.encode())


def identity(run: dict) -> tuple:
    """Return what two runs differ in that stand beside each other."""
    return (
        run['settings']['data'],
        run['epochs'],
        [(f['list'], f['faces']) for f in run['trained_on']],
        list(run['settings']['arguments']),
        list(run['settings']['options']),
        run['seed'],
    )


def find_run(folder: str, experiment: Experiment) -> dict | None:
    """Find the run of an experiment, on the faces that are there.

    Where the training faces are not at hand, a run on any will do.
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
    """Select the runs that are still of what their config says.

    Args:
        folder (str): Of results.
        root (str): Folder of the project.
        tables (Tables): All tables.
        config (str): Name of the config.
        data (str): ``'real'`` or ``'synthetic'``.

    Returns:
        tuple[list[dict], int]: These runs, without tests that are of another
        set now, and the number of outdated ones.
    """
    valid, stale = [], 0
    for run in read_runs(folder, config):
        if run['settings']['data'] != data:
            continue
        try:
            settings = Settings(**run['settings'])
            now = Experiment(root, tables, config, settings, run['seed'])
        except (KeyError, IndexError, TypeError, ValueError):
            stale += 1  # its options fit the config no more
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


def is_tested(run: dict, experiment: Experiment, test: TestSet) -> dict | None:
    """Return a test of a run, if it has it as it is done now."""
    done = run['tests'].get(test.name)
    if done and done['fingerprint'] == experiment.test_fingerprint(test):
        return done
    return None


def kept_errors(metrics: dict[str, float]) -> dict[str, float]:
    """Keep the errors of a test that tables show, with 4 digits."""
    return {
        name: round(value, 4) for name, value in metrics.items() if KEPT.fullmatch(name)
    }


def package_versions() -> dict[str, str]:
    """Return the versions a result depends on."""
    found = {name: version for name, version, _ in versions()}
    return {
        name: version
        for name, version in found.items()
        if name == 'python'
        or name.removeprefix('onedl-').startswith(PACKAGES)
        and version != '-'
    }


def today() -> str:
    """Return the date."""
    return datetime.date.today().isoformat()
