r"""Benchmark speed and memory on this machine, as ratios within one run.

    python tools/analysis_tools/benchmark.py train --threads 1 2
    python tools/analysis_tools/benchmark.py data
    python tools/analysis_tools/benchmark.py denoiser --json denoiser.json
    python tools/analysis_tools/benchmark.py predict --configs configs/rcn_300w.py \
        --checkpoints RCN.pth --onnx RCN_int8.onnx
    python tools/analysis_tools/benchmark.py peers --configs configs/rcn_aflw.py \
        --checkpoints RCN.pth --part test

Each case is set up in a separate process with its number of threads, and
warmed up. Then all cases take turns, so a machine that slows down slows all
cases alike. A table lists the median of the turns, the quartiles, and the
ratio to the first row. Times of a busy machine are not results; the report
states the load average before and after. docs/studies.md explains the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable

from rcn_mmpose import compat

compat.activate()

import torch
from rich.console import Console

from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.benchmark import report
from rcn_mmpose.lab.benchmark.measured_process import ProcessPlan
from rcn_mmpose.lab.benchmark.turns import Measurement, measure
from rcn_mmpose.lab.paper.markdown import put_between_marks

CONFIGS = ['configs/rcn_aflw.py', 'configs/rcn_300w.py']
SUBJECTS = ('train', 'predict', 'denoiser', 'data', 'peers')


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Benchmark speed and memory here.')
    parser.add_argument('subject', choices=SUBJECTS, help='what is measured')
    parser.add_argument(
        '--configs',
        nargs='+',
        default=CONFIGS,
        help=f'experiments (default: {" ".join(CONFIGS)})',
    )
    parser.add_argument(
        '--checkpoints',
        nargs='+',
        default=[],
        help='of predict and peers: weights, one file per config (optional for '
        'predict: random weights have the same speed)',
    )
    parser.add_argument(
        '--onnx',
        nargs='+',
        default=[],
        help='of predict: exported models, for the last config',
    )
    parser.add_argument(
        '--threads',
        nargs='+',
        type=int,
        default=[1],
        help='numbers of threads (default: 1)',
    )
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'], default='cpu', help='default: cpu'
    )
    parser.add_argument(
        '--rounds', type=int, default=15, help='turns of each case (default: 15)'
    )
    parser.add_argument(
        '--faces',
        type=int,
        default=200,
        help='of peers: faces whose errors are measured (default: 200)',
    )
    parser.add_argument(
        '--part',
        choices=['val', 'test'],
        default='val',
        help='of peers: part of the dataset (default: val)',
    )
    parser.add_argument(
        '--batch',
        type=int,
        help="of train, data and denoiser: faces of a batch (default: the config's, "
        'of denoiser 16)',
    )
    parser.add_argument(
        '--direct-batch',
        type=int,
        default=1,
        help='of denoiser: faces of a batch of the direct convolution (default: 1)',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='of train: measure the compiled network, too',
    )
    parser.add_argument(
        '--folder',
        default='work_dirs/benchmark',
        help='folder for synthetic faces, which replace missing data '
        '(default: work_dirs/benchmark)',
    )
    parser.add_argument('--json', help='write all results to this JSON file')
    parser.add_argument(
        '--page', help='write the tables between their marks in this Markdown file'
    )
    parser.add_argument('--mark', help='name of the marks (default: the subject)')
    args = parser.parse_args(arguments)
    for name in ('rounds', 'faces', 'batch', 'direct_batch'):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be 1 or more')
    if min(args.threads) < 1:
        parser.error('--threads must be 1 or more')
    if args.checkpoints and len(args.checkpoints) != len(args.configs):
        parser.error(
            f'{len(args.checkpoints)} --checkpoints for {len(args.configs)} '
            '--configs; give one for each'
        )
    if args.subject == 'peers' and not args.checkpoints:
        parser.error('peers needs --checkpoints, one for each of --configs')
    for path in (*args.configs, *args.checkpoints, *args.onnx):
        if not os.path.isfile(path):
            parser.error(f'{path!r} does not exist')
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda: PyTorch sees no GPU')
    return args


def groups_of(
    args: argparse.Namespace,
) -> tuple[dict[str, list[ProcessPlan]], Callable[[list[Measurement]], None]]:
    """Return the processes by table title, and the function that completes a table."""
    common = dict(configs=args.configs, threads=args.threads, folder=args.folder)
    if args.subject == 'train':
        from rcn_mmpose.lab.benchmark import train

        plans = train.groups(
            **common,
            device=args.device,
            compiled=args.compile,
            batch=args.batch,
        )
        return plans, train.compare
    if args.subject == 'predict':
        from rcn_mmpose.lab.benchmark import predict

        plans = predict.groups(
            **common,
            device=args.device,
            checkpoints=args.checkpoints,
            exported=args.onnx,
        )
    elif args.subject == 'denoiser':
        from rcn_mmpose.lab.benchmark import denoiser

        plans = denoiser.groups(
            args.threads, args.batch or 16, args.direct_batch, args.device
        )
    elif args.subject == 'data':
        from rcn_mmpose.lab.benchmark import data

        plans = data.groups(**common, device=args.device, batch=args.batch)
    else:
        from rcn_mmpose.lab.benchmark import package_comparison

        plans = package_comparison.groups(
            **common,
            checkpoints=args.checkpoints,
            faces=args.faces,
            part=args.part,
        )
        return plans, package_comparison.compare
    return plans, lambda rows: None


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark, print the tables and write the files."""
    args = parse_args(arguments)
    plans, complete = groups_of(args)
    console = Console(stderr=True)
    found, before = report.describe(), report.load()
    if args.device == 'cpu':  # MMEngine uses a GPU if there is one
        os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
    tables: dict[str, list[Measurement]] = {}
    texts: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix='rcn_mmpose_benchmark_') as scratch,
        console.status('begin') as status,
    ):
        os.environ['TMPDIR'] = scratch  # of the processes, removed at the end
        for title, group in plans.items():
            rows = measure(
                group,
                args.rounds,
                lambda text, title=title: status.update(f'{title}: {text}'),
            )
            complete(rows)
            tables[title] = rows
            texts.append(f'{title}:\n\n{report.as_table(rows)}')
            print(f'\n{texts[-1]}', flush=True)
    after = report.load()
    texts.append(report.closing_line(found, before, after))
    print(f'\n{texts[-1]}')
    if args.json:
        record = dict(
            command=[
                'tools/analysis_tools/benchmark.py',
                *(arguments or sys.argv[1:]),
            ],
            machine=found,
            load_before=before,
            load_after=after,
            tables={k: report.as_record(v) for k, v in tables.items()},
        )
        write_whole(args.json, json.dumps(record, indent=1).encode())
    if args.page:
        put_between_marks(args.page, args.mark or args.subject, '\n\n'.join(texts))


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted')
