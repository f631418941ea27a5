"""Running what is lacking: tools/train.py and tools/test.py, row by row."""

from __future__ import annotations

import json
import os
import os.path as osp
import shlex
from collections.abc import Callable
from typing import TextIO

import torch

from ...evaluation.error_file import read_errors
from ...io.atomic import write_whole
from . import results
from .experiment import Experiment, Settings, cfg_options
from .face_lists import faces_of, missing_of
from .tables import Tables, TestSet
from .tool_process import NotRunError, locked, run_tool
from .work_folder import (
    best_checkpoint,
    progress,
    resume_from,
    training_seconds,
    updates_of,
    validation_curve,
)

DONE = 'trained.json'
Report = Callable[[Experiment, float, float | None], None]


class Reproduction:
    """Trains and tests experiments, goes on where it was stopped.

    Args:
        root (str): Folder of the project.
        tables (Tables): All tables.
        settings (Settings): What is asked for.
        work_dirs (str): Folder for logs and checkpoints.
        results_dir (str): Folder of results.
        poll (float): Seconds between looks at a training.
    """

    def __init__(
        self,
        root: str,
        tables: Tables,
        settings: Settings,
        work_dirs: str = osp.join('work_dirs', 'reproduce'),
        results_dir: str = 'results',
        poll: float = 1.0,
    ) -> None:
        self.root = root
        self.tables = tables
        self.settings = settings
        self.work_dirs = work_dirs
        self.results_dir = results_dir
        self.poll = poll

    def experiment(self, config: str, seed: int) -> Experiment:
        """Return the experiment of a config and a seed."""
        return Experiment(self.root, self.tables, config, self.settings, seed)

    def lacking(self, experiment: Experiment) -> tuple[list[TestSet], str]:
        """Find what an experiment lacks.

        Args:
            experiment (Experiment): The training and its tests.

        Returns:
            tuple[list[TestSet], str]: The tests without a result that can be
            done here, and a file or folder for want of which the others
            cannot.
        """
        run = results.find_run(self.results_dir, experiment)
        ready, missing = [], ''
        for test in experiment.tests:
            dataset = experiment.tested_on(test)
            absent = missing_of(dataset)
            done = run and results.is_tested(run, experiment, test)
            if done and (absent or faces_of(dataset).items() <= done.items()):
                continue
            if absent:
                missing = missing or absent
            else:
                ready.append(test)
        if ready or missing:
            untrained = experiment.missing()
            if untrained:
                return [], untrained
        return ready, missing

    def trainings(self, experiment: Experiment) -> list[Experiment]:
        """List the trainings that an experiment still needs."""
        if not self.lacking(experiment)[0]:
            return []
        return [
            part
            for part in experiment.parts or [experiment]
            if not self._is_trained(part)
        ]

    def run(self, experiment: Experiment, report: Report) -> None:
        """Do what an experiment lacks.

        Args:
            experiment (Experiment): The training and its tests.
            report (Callable): Called now and then with a training, the
                epochs done of it and its last validated error (None before
                the first).

        Raises:
            NotRunError: If data are missing (after what can be done without
                them), another process is at it, or a tool fails.
        """
        tests, missing = self.lacking(experiment)
        if tests:
            parts = experiment.parts or [experiment]
            checkpoints = [self.train(part, report) for part in parts]
            for test in tests:
                self.test(experiment, test, checkpoints)
        if missing:
            raise NotRunError(f'data missing: {missing}')

    def train(self, experiment: Experiment, report: Report) -> str:
        """Train to the end, from wherever it is.

        Returns:
            str: The checkpoint that validated best.
        """
        folder = experiment.folder(self.work_dirs)
        if not self._is_trained(experiment):
            # held by the training too, should this process be killed
            with locked(osp.join(folder, 'lock'), wait=False) as lock:
                if not self._is_trained(experiment):
                    self._train(experiment, folder, lock, report)
        return best_checkpoint(folder).path

    def _is_trained(self, experiment: Experiment) -> bool:
        folder = experiment.folder(self.work_dirs)
        return osp.isfile(osp.join(folder, DONE)) and bool(best_checkpoint(folder))

    def _train(
        self, experiment: Experiment, folder: str, lock: TextIO, report: Report
    ) -> None:
        """Train in a process of its own."""
        command = [
            *('tools/train.py', experiment.path, *experiment.arguments),
            *('--work-dir', folder),
        ]
        checkpoint = resume_from(folder)
        if checkpoint:
            command += ['--resume', checkpoint]
        (faces,) = experiment.trained_on
        updates = updates_of(experiment.cfg, faces['faces'])

        def watch() -> None:
            report(experiment, *progress(folder, updates))

        run_tool(
            self.root,
            [*command, *cfg_options(experiment.options)],
            osp.join(folder, 'train.log'),
            lock,
            watch,
            self.poll,
        )
        best = best_checkpoint(folder)
        if best is None:
            raise NotRunError(
                f'no best checkpoint in {folder}; delete it and begin anew',
                failed=True,
            )
        done = dict(seconds=round(training_seconds(folder)), date=results.today())
        write_whole(osp.join(folder, DONE), json.dumps(done).encode())

    def test(
        self, experiment: Experiment, test: TestSet, checkpoints: list[str]
    ) -> None:
        """Test on one set and put the result on record."""
        folder = osp.join(experiment.folder(self.work_dirs), f'test_{test.name}')
        os.makedirs(folder, exist_ok=True)
        out = osp.join(folder, 'metrics.json')
        options = experiment.test_options(test)
        if len(checkpoints) > 1:
            options.append(f'model.refiner_checkpoint={checkpoints[1]}')
        command = ['tools/test.py', experiment.path, checkpoints[0]]
        errors = osp.join(folder, 'errors.csv')
        run_tool(
            self.root,
            [
                *(*command, '--work-dir', folder, '--out', out),
                *cfg_options([*options, f'test_evaluator.out_file={errors}']),
            ],
            osp.join(folder, 'test.log'),
        )
        with open(out, encoding='utf-8') as file:
            metrics = json.load(file)
        dataset = experiment.tested_on(test)
        done = dict(
            fingerprint=experiment.test_fingerprint(test),
            **faces_of(dataset),
            tested=len(read_errors(errors).faces),
            date=results.today(),
            command=shlex.join(['python', *command, *cfg_options(options)]),
            errors=results.kept_errors(metrics),
        )
        # another process may write another seed
        with locked(osp.join(self.work_dirs, experiment.name, 'lock')):
            run = results.find_run(self.results_dir, experiment)
            run = run or self._record(experiment)
            run['tests'][test.name] = done
            results.write_run(self.results_dir, experiment, run)

    def _record(self, experiment: Experiment) -> dict:
        """Describe a training that is done."""
        parts = experiment.parts or [experiment]
        folders = [part.folder(self.work_dirs) for part in parts]
        done = []
        for folder in folders:
            with open(osp.join(folder, DONE), encoding='utf-8') as file:
                done.append(json.load(file))
        device = 'CPU'
        if torch.cuda.is_available():
            device = torch.cuda.get_device_name()
        record = dict(
            fingerprint=experiment.fingerprint,
            settings=self.settings._asdict(),
            seed=experiment.seed,
            epochs=experiment.epochs,
            trained_on=experiment.trained_on,
            date=max(entry['date'] for entry in done),
            seconds=sum(entry['seconds'] for entry in done),
            device=device,
            versions=results.package_versions(),
        )
        if not experiment.parts:
            command = ['python', 'tools/train.py', experiment.path]
            command += experiment.train_arguments()
            best = best_checkpoint(folders[0])
            record['command'] = shlex.join(command)
            record['validation'] = dict(
                value=best.value,
                epoch=best.epoch,
                score=round(best.score, 4),
                curve=validation_curve(folders[0], best.value),
            )
        return dict(record, tests={})
