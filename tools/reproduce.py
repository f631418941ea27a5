"""Reproduce a table of the paper.

    python tools/reproduce.py table2 --epochs 30 --seeds 3
    python tools/reproduce.py table4 --rows 300w_rcn_5 300w_joint_5 --amp
    python tools/reproduce.py table1 --data synthetic --epochs 10

The tool trains and tests the rows without a result, one after the other, and
writes the table between its marks in docs/paper.md. An interrupted or killed
run resumes when the same command is called again.

Each row is a call of tools/train.py and tools/test.py. The result is kept in
results/; logs and checkpoints are in work_dirs/reproduce/. A result on record
for the same config, epochs, options and faces is not computed again. Several
calls at the same time share the rows.

Tables: table1, table2, table3, table4, denoising, rcnplus, variants, all.

Exit codes: 0 if all rows are on record, 1 after an error, 3 if data are
missing or another process runs a row, 130 after Ctrl-C, 143 after SIGTERM.
"""

from __future__ import annotations

import argparse
import os.path as osp
import shutil
import sys
import time

from rcn_mmpose import compat
from rcn_mmpose.environment.script import RESUME_SAME, run_script

compat.activate()

from rcn_mmpose.lab.paper.convergence import draw_convergence, mean_curve
from rcn_mmpose.lab.paper.experiment import Experiment, Settings, parse_options
from rcn_mmpose.lab.paper.markdown import put_between_marks, table_text
from rcn_mmpose.lab.paper.reproduction import Reproduction
from rcn_mmpose.lab.paper.results import valid_runs
from rcn_mmpose.lab.paper.tables import SYNTHETIC, Table, Tables, load_tables
from rcn_mmpose.lab.paper.tool_process import NotRunError

ROOT = osp.relpath(osp.dirname(osp.dirname(osp.abspath(__file__))))
TABLES = osp.join(ROOT, 'configs', 'paper', 'tables.yml')


def parse_args(args: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('table', help='a table of the list above, or all')
    parser.add_argument(
        '--rows', nargs='+', default=[], help='names of configs (default: all)'
    )
    parser.add_argument(
        '--epochs', type=int, help="epochs of a training (default: the config's)"
    )
    parser.add_argument(
        '--seeds', type=int, default=1, help='trainings per row (default: 1)'
    )
    parser.add_argument(
        '--data', choices=['real', SYNTHETIC], default='real', help='faces'
    )
    parser.add_argument(
        '--synthetic-root',
        default='data/synthetic/',
        help='folder of tools/render_faces.py (default: data/synthetic/)',
    )
    parser.add_argument('--recipe', metavar='CONFIG', help='see tools/train.py')
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=['auto', 'always'],
        help='see tools/train.py',
    )
    parser.add_argument('--device-data', action='store_true', help='see tools/train.py')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='change settings of all configs',
    )
    parser.add_argument(
        '--only-table',
        action='store_true',
        help='run nothing; write the table from the results on record',
    )
    parser.add_argument(
        '--out',
        help='Markdown file of the table (default: docs/paper.md, or with '
        'synthetic faces\nwork_dirs/reproduce/synthetic.md)',
    )
    parser.add_argument(
        '--results', default='results', help='folder of results (default: results)'
    )
    parser.add_argument(
        '--work-dirs',
        default=osp.join('work_dirs', 'reproduce'),
        help='folder of logs and checkpoints (default: work_dirs/reproduce)',
    )
    options = parser.parse_args(args)
    if options.seeds < 1:
        parser.error(f'--seeds {options.seeds}: give 1 or more')
    if options.epochs is not None and options.epochs < 1:
        parser.error(f'--epochs {options.epochs}: give 1 or more')
    return options


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings of all rows.

    Raises:
        ValueError: If one of --cfg-options is not KEY=VALUE, or is the seed.
    """
    parse_options(options.cfg_options)
    if any(o.startswith('randomness.seed=') for o in options.cfg_options):
        raise ValueError(
            'randomness.seed cannot be one of --cfg-options; --seeds N takes '
            'the seeds from 0 to N - 1.'
        )
    arguments = []
    if options.recipe:
        arguments += ['--recipe', options.recipe]
    if options.amp:
        arguments += ['--amp', options.amp][: 1 + (options.amp == 'always')]
    if options.device_data:
        arguments.append('--device-data')
    return Settings(
        options.epochs,
        options.data,
        options.synthetic_root,
        tuple(arguments),
        tuple(options.cfg_options),
    )


class Progress:
    """Prints the progress of all rows and the remaining time.

    Args:
        epochs (int): Total number of epochs of all trainings.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.before = 0  # epochs of finished trainings
        self.row = ''
        self.start: tuple[float, float] | None = None  # time, finished epochs
        self.printed = -1  # last printed epoch

    def begin(self, row: str) -> None:
        """Begin with a row."""
        self.row, self.start, self.printed = row, None, -1

    def __call__(self, training: Experiment, done: float, error: float | None) -> None:
        """Print the progress of a training; without a terminal once per epoch."""
        now = time.monotonic()
        if self.start is None or self.start[1] > done:  # another training
            self.start = (now, done)
        terminal = sys.stdout.isatty()
        if int(done) == self.printed and not terminal:
            return
        self.printed = int(done)
        (epochs,) = training.epochs
        text = f'{self.row}: epoch {done:.1f} of {epochs}'
        if training.name not in self.row:  # a part of a joint model
            text += f' of {training.name}'
        if done > self.start[1]:
            each = (now - self.start[0]) / (done - self.start[1])
            rest = max(0.0, self.epochs - self.before - done)
            text += (
                f', {in_words(each * (epochs - done))} left, all rows '
                f'{in_words(each * rest)}'
            )
        if error is not None:
            text += f', validation error {error:.2f} %'
        if terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f'\r\033[K{text[:width]}', end='', flush=True)
        else:
            print(text, flush=True)

    def end(self, trainings: list[Experiment]) -> None:
        """Count the epochs of finished trainings."""
        self.before += sum(n for part in trainings for n in part.epochs)
        if sys.stdout.isatty():
            print('\r\033[K', end='')


def in_words(seconds: float) -> str:
    """Return a duration in words, such as ``'2 h 05 min'`` or ``'40 s'``."""
    if seconds < 60:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    if minutes < 60:
        return f'{minutes} min'
    return f'{minutes // 60} h {minutes % 60:02} min'


def run_rows(
    reproduction: Reproduction, configs: list[str], seeds: int
) -> tuple[dict[str, str], int]:
    """Run the missing rows: the first seed of all rows, then the second.

    Returns:
        tuple[dict[str, str], int]: Reasons by config that was not run, and
        the exit code.
    """
    experiments = [
        reproduction.experiment(config, seed)
        for seed in range(seeds)
        for config in configs
    ]
    # Keyed by folder: a part of a joint model may also be a row of its own.
    trainings = {
        training.folder(reproduction.work_dirs): training
        for experiment in experiments
        for training in reproduction.trainings(experiment)
    }
    progress = Progress(sum(n for t in trainings.values() for n in t.epochs))
    reasons: dict[str, str] = {}
    code = 0
    for number, experiment in enumerate(experiments, 1):
        row = f'[{number}/{len(experiments)}] {experiment.name}'
        if seeds > 1:
            row += f', seed {experiment.seed}'
        todo = reproduction.trainings(experiment)
        tests, _ = reproduction.lacking(experiment)
        progress.begin(row)
        try:
            reproduction.run(experiment, progress)
        except NotRunError as error:
            said = str(error)
            reasons[experiment.name] = 'failed' if error.failed else said
            code = 1 if error.failed else code or 3
        else:
            said = 'done' if tests else 'on record'
        progress.end(todo)
        print(f'{row}: {said}', flush=True)
    return reasons, code


def write_table(
    table: Table,
    tables: Tables,
    reproduction: Reproduction,
    path: str,
    reasons: dict[str, str],
) -> None:
    """Write the table, and the image of its convergence curves if it has any."""
    data = reproduction.settings.data
    found = {
        row.config: valid_runs(reproduction.results_dir, ROOT, tables, row.config, data)
        for row in table.rows
    }
    keypoints = {name: reproduction.experiment(name, 0).keypoints for name in found}
    text = table_text(
        table,
        found.__getitem__,
        keypoints.__getitem__,
        {test.name: test.keypoints for test in tables.tests},
        reasons,
    )
    curves, quantity = curves_of(table, {k: v[0] for k, v in found.items()})
    if curves:
        name = f'convergence_{table.name}.png'
        draw_convergence(osp.join(osp.dirname(path), 'figures', name), curves, quantity)
        text += (
            f'\n\n![Validated error by epoch](figures/{name})\n\n'
            'The error of the validation faces after each epoch.'
        )
    put_between_marks(path, table.name, text)
    print(f'{table.name}: {path}')


def curves_of(
    table: Table, runs_of: dict[str, list[dict]]
) -> tuple[dict[str, list[float]], str]:
    """Collect the convergence curves: the longest training of each row.

    Returns:
        tuple: Errors by epoch, by label; and the name of the error.
    """
    curves, quantity = {}, ''
    for row in table.rows:
        runs = runs_of[row.config]
        if row.config not in table.curves or not runs:
            continue
        longest = max(runs, key=lambda run: run['epochs'])['fingerprint']
        chosen = [run['validation'] for run in runs if run['fingerprint'] == longest]
        curves[row.name] = mean_curve([v['curve'] for v in chosen])
        quantity = chosen[0]['value']
    return curves, quantity


def main(args: list[str]) -> int:
    """Run the program; return its exit code."""
    options = parse_args(args)
    tables = load_tables(TABLES)
    chosen = tables.choose(options.table)
    settings = settings_of(options)
    if options.rows and len(chosen) > 1:
        raise ValueError('--rows goes with one table, not with all.')
    configs = [config for t in chosen for config in t.choose(options.rows)]
    configs = list(dict.fromkeys(configs))
    path = options.out or osp.join('docs', 'paper.md')
    if settings.data == SYNTHETIC:
        chosen = [table.on_synthetic_faces() for table in chosen]
        path = options.out or osp.join('work_dirs', 'reproduce', 'synthetic.md')
    reproduction = Reproduction(
        ROOT, tables, settings, options.work_dirs, options.results
    )
    reasons: dict[str, str] = {}
    code = 0
    try:
        if not options.only_table:
            reasons, code = run_rows(reproduction, configs, options.seeds)
    finally:
        for table in chosen:
            write_table(table, tables, reproduction, path, reasons)
    return code


if __name__ == '__main__':
    run_script(main, sys.argv[1:], hint=RESUME_SAME)
