"""Run the missing trainings and tests of a table, one row after the other."""

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
from .experiment_data import faces_of, missing_path
from .tables import FaceTestSet, Tables
from .tool_process import NotRunError, locked, run_tool
from .work_folder import (
    Best,
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
    """Trains and tests experiments; resumes interrupted trainings.

    Args:
        root (str): Folder of the project.
        tables (Tables): All tables.
        settings (Settings): Settings of the command line.
        work_dirs (str): Folder for logs and checkpoints.
        results_dir (str): Folder of results.
        poll (float): Seconds between checks of a running training.
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

    def lacking(self, experiment: Experiment) -> tuple[list[FaceTestSet], str]:
        """List the missing tests of an experiment.

        Args:
            experiment (Experiment): The training and its tests.

        Returns:
            tuple[list[FaceTestSet], str]: The tests without a result that can
            run here; and the first missing file or folder that other tests
            need, or ``''``.
        """
        run = results.find_run(self.results_dir, experiment)
        ready, missing = [], ''
        for test in experiment.tests:
            dataset = experiment.tested_on(test)
            absent = missing_path(dataset)
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
        """Run the missing training and tests of an experiment.

        Args:
            experiment (Experiment): The training and its tests.
            report (Callable): Called regularly with a training, its finished
                epochs and its last validation error (None before the first
                validation).

        Raises:
            NotRunError: If data are missing (raised after the tests that can
                run), if another process runs the experiment, or if a tool
                fails.
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
        """Train an experiment to the end, or resume it.

        Returns:
            str: Path of the checkpoint with the best validation.
        """
        folder = experiment.folder(self.work_dirs)
        if not self._is_trained(experiment):
            # The training process holds the lock, too, in case this process
            # is killed.
            with locked(osp.join(folder, 'lock'), wait=False) as lock:
                if not self._is_trained(experiment):
                    self._train(experiment, folder, lock, report)
        return self._best(folder).path

    def _best(self, folder: str) -> Best:
        """Return the best checkpoint of a finished training.

        Raises:
            NotRunError: If the folder has no whole best checkpoint.
        """
        best = best_checkpoint(folder)
        if best is None:
            raise NotRunError(
                f'no best checkpoint in {folder}; delete it and start again',
                failed=True,
            )
        return best

    def _is_trained(self, experiment: Experiment) -> bool:
        """Return whether a training is finished and has its best checkpoint."""
        folder = experiment.folder(self.work_dirs)
        return osp.isfile(osp.join(folder, DONE)) and bool(best_checkpoint(folder))

    def _train(
        self, experiment: Experiment, folder: str, lock: TextIO, report: Report
    ) -> None:
        """Run tools/train.py in a separate process."""
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
        self._best(folder)
        done = dict(seconds=round(training_seconds(folder)), date=results.today())
        write_whole(osp.join(folder, DONE), json.dumps(done).encode())

    def test(
        self, experiment: Experiment, test: FaceTestSet, checkpoints: list[str]
    ) -> None:
        """Run tools/test.py on one test set and record the result."""
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
        # Another process may write another seed at the same time.
        with locked(osp.join(self.work_dirs, experiment.name, 'lock')):
            run = results.find_run(self.results_dir, experiment)
            run = run or self._record(experiment)
            run['tests'][test.name] = done
            results.write_run(self.results_dir, experiment, run)

    def _record(self, experiment: Experiment) -> dict:
        """Return the record of a finished training, without tests."""
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
            best = self._best(folders[0])
            record['command'] = shlex.join(command)
            record['validation'] = dict(
                value=best.value,
                epoch=best.epoch,
                score=round(best.score, 4),
                curve=validation_curve(folders[0], best.value),
            )
        return dict(record, tests={})
