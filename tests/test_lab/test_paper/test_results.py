from __future__ import annotations

import json
from pathlib import Path

import pytest

from rcn_mmpose.lab.paper import results
from rcn_mmpose.lab.paper.experiment import Experiment, Settings
from rcn_mmpose.lab.paper.results import (
    find_run,
    is_tested,
    kept_errors,
    package_versions,
    read_runs,
    valid_runs,
    write_run,
)
from rcn_mmpose.lab.paper.tables import Tables, load_tables

ROOT = str(Path(__file__).parents[3])
FACES = [dict(list='mtfl_train', faces=12)]


@pytest.fixture(scope='module')
def tables() -> Tables:
    return load_tables(f'{ROOT}/configs/paper/tables.yml')


@pytest.fixture(autouse=True)
def here(converted: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory holds the tiny dataset."""
    monkeypatch.chdir(converted.parent)
    return converted.parent


def make(tables: Tables, settings: Settings | None = None, seed: int = 0) -> Experiment:
    return Experiment(ROOT, tables, 'aflw_rcn_6', settings or Settings(3), seed)


def run_of(experiment: Experiment, **changes: object) -> dict:
    """Return a run as it is recorded."""
    test = experiment.tests[0]
    done = dict(
        fingerprint=experiment.test_fingerprint(test),
        errors=dict(NME_cells_eye_points=5.0),
    )
    return dict(
        dict(
            fingerprint=experiment.fingerprint,
            settings=experiment.settings._asdict(),
            seed=experiment.seed,
            epochs=experiment.epochs,
            trained_on=FACES,
            validation=dict(curve=[5.25, None, 4.5]),
            tests={test.name: done},
        ),
        **changes,
    )


def test_runs_of_a_config_share_a_file(tables: Tables) -> None:
    experiments = [
        make(tables),
        make(tables, seed=1),
        make(tables, Settings(4)),
        make(tables, Settings(3, arguments=('--amp',))),
    ]
    for experiment in experiments:
        assert find_run('results', experiment) is None
        write_run('results', experiment, run_of(experiment))
    assert len(read_runs('results', 'aflw_rcn_6')) == 4
    for experiment in experiments:
        run = find_run('results', experiment)
        assert run['fingerprint'] == experiment.fingerprint
        assert run['seed'] == experiment.seed
        assert is_tested(run, experiment, experiment.tests[0])
        assert not is_tested(run, experiment, experiment.tests[1])
    # The same run replaces its earlier record.
    write_run(
        'results',
        experiments[1],
        run_of(experiments[1], fingerprint='another config'),
    )
    runs, outdated = valid_runs('results', ROOT, tables, 'aflw_rcn_6', 'real')
    assert (len(runs), outdated) == (3, 1)
    assert find_run('results', experiments[1]) is None
    assert valid_runs('results', ROOT, tables, 'aflw_rcn_6', 'synthetic') == (
        [],
        0,
    )


def test_a_file_is_small(tables: Tables) -> None:
    write_run('results', make(tables), run_of(make(tables)))
    text = Path('results/aflw_rcn_6.json').read_text()
    assert '"curve": [5.25, null, 4.5]' in text
    assert '"epochs": [3]' in text
    assert json.loads(text)['config'] == 'configs/paper/aflw_rcn_6.py'


def test_results_of_other_faces_do_not_count(tables: Tables, here: Path) -> None:
    experiment = make(tables)
    write_run('results', experiment, run_of(experiment))
    path = here / 'data' / 'annotations' / 'mtfl_train.json'
    content = path.read_text()
    path.write_text(content.replace('mtfl_train', 'other faces'))
    assert find_run('results', experiment) is None
    # Without faces the result is valid: a clone has results and no data.
    path.unlink()
    assert find_run('results', experiment)['trained_on'] == FACES


def test_a_test_of_another_set_does_not_count(tables: Tables) -> None:
    experiment = make(tables)
    run = run_of(experiment)
    run['tests']['aflw']['fingerprint'] = 'another'
    write_run('results', experiment, run)
    assert valid_runs('results', ROOT, tables, 'aflw_rcn_6', 'real') == ([], 1)
    assert find_run('results', experiment)  # the training is still valid


def test_options_that_no_longer_fit(tables: Tables) -> None:
    experiment = make(tables)
    settings = Settings(options=('param_scheduler.7.end=3',))._asdict()
    write_run('results', experiment, run_of(experiment, settings=settings))
    assert valid_runs('results', ROOT, tables, 'aflw_rcn_6', 'real') == ([], 1)


def test_truncated_file(tables: Tables) -> None:
    write_run('results', make(tables), run_of(make(tables)))
    path = Path('results/aflw_rcn_6.json')
    path.write_text(path.read_text()[:50])
    with pytest.raises(ValueError, match='aflw_rcn_6.json is no whole file'):
        read_runs('results', 'aflw_rcn_6')


def test_kept_errors() -> None:
    metrics = {
        'NME_cells_eye_centres': 5.123456,
        'NME_pixels_eye_centres_49_common': 3.0,
        'NME_pixels_eye_centres_kpt-3': 1.0,
        'NME_cells_eye_points_nose_tip': 1.0,
        'NME_cells_eye_points_frontal': 2.0,
        'AUC8_cells_eye_centres': 50.0,
    }
    assert kept_errors(metrics) == {
        'NME_cells_eye_centres': 5.1235,
        'NME_pixels_eye_centres_49_common': 3.0,
        'NME_cells_eye_points_frontal': 2.0,
    }


@pytest.mark.parametrize('engine', ['mmengine', 'onedl-mmengine'])
def test_versions(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    found = [
        ('python', '3.11.7', '3.10 to 3.12'),
        ('torch', '2.13.0', '2.13.0'),
        (engine, '0.10.7', '0.10.7'),
        ('torchvision', '-', '-'),
        ('six', '1.17.0', '1.17.0'),
    ]
    monkeypatch.setattr(results, 'versions', lambda: found)
    assert package_versions() == {
        'python': '3.11.7',
        'torch': '2.13.0',
        engine: '0.10.7',
    }
