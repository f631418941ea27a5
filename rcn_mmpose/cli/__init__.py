"""The console command ``rcn-mmpose``, also ``python -m rcn_mmpose``.

Each verb is a module with the name of the verb. The module has ``EXAMPLES`` for
``--help``, ``add_arguments(parser)``, and ``run(options)``, which returns the exit
status: 0 for success, 1 if a part failed. A ValueError, an OSError or an
ImportError means wrong use and ends with 2; Ctrl-C ends with 130. SIGTERM, which
``docker stop`` sends, lets ``predict`` and ``video`` keep their results as Ctrl-C
does, and ends with 143. Only the verb
that is called is imported. If a package is missing, the error says how to install
the package.

This module also holds the functions that several verbs share: options of the
model and the detector, the progress bar, and the protection of input files.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import TextIOWrapper
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ..environment.missing import cure
from ..environment.script import CONTROLS
from ..image.limits import MOST_PIXELS, OPENCV_PIXEL_LIMIT
from ..version import __version__

if TYPE_CHECKING:
    from ..inference.predictor import Predictor

VERBS = dict(
    predict='find the keypoints of the faces in images',
    video='track faces through a video',
    evaluate='measure predictions against true keypoints',
    plot='draw the error curves of several tests',
    export='export a model to ONNX, which needs no PyTorch',
    models='list the models that ship with the package',
    serve='show a web page that finds keypoints in images',
    doctor='report on the environment',
)
STANDARD_OUTPUT = '-'  # as --out
# Verbs that keep the results so far after a signal.
KEEPING = ('predict', 'video')
# A terminal and a launcher can send the same signal, and an impatient user sends
# two. Signals within this time, in seconds, count once.
REPEATED = 2.0


class PartlyDone(Exception):
    """Ctrl-C or SIGTERM, after the results so far were written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments (Sequence[str], optional): The command line without the
            program. Defaults to the arguments of the process.

    Returns:
        int: The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == 'strict':
            # A name that the terminal cannot show, such as é in ASCII, is no error.
            stream.reconfigure(errors='backslashreplace')
    parser = argparse.ArgumentParser(
        prog='rcn-mmpose',
        description='Facial keypoints with Recombinator Networks.',
        epilog='verbs:\n'
        + '\n'.join(f'  {verb:10}{text}' for verb, text in VERBS.items())
        + "\n\n'rcn-mmpose VERB --help' shows options and examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--version', action='version', version=f'rcn_mmpose {__version__}'
    )
    parser.add_argument('verb', choices=VERBS, metavar='VERB')
    parser.add_argument('rest', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        parser.print_help(sys.stderr)
        return 2
    options = parser.parse_args(words)
    os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MOST_PIXELS))
    received: list[int] = []
    try:
        with _signals_interrupt(options.verb in KEEPING, received):
            return _run(options.verb, options.rest)
    except BrokenPipeError:  # for example rcn-mmpose models | head -n 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:
        say(f'error: {cure(error)}', sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        say(f'error: {error}', sys.stderr)
        return 2
    except (KeyboardInterrupt, PartlyDone) as error:
        say(f'interrupted. {error}'.rstrip(), sys.stderr)
        return 128 + (received[0] if received else signal.SIGINT)


@contextmanager
def _signals_interrupt(wanted: bool, received: list[int]) -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGINT, SIGTERM and SIGHUP.

    A signal that the parent process ignores stays ignored, as ``nohup`` needs.

    Args:
        wanted (bool): False changes nothing.
        received (list[int]): Receives the numbers of the signals.
    """
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield
        return
    last = -math.inf

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        received.append(number)
        before, last = last, monotonic()
        if last > before + REPEATED:
            raise KeyboardInterrupt

    earlier = {}
    for name in ('SIGINT', 'SIGTERM', 'SIGHUP'):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) not in (signal.SIG_IGN, None):
            earlier[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _run(name: str, rest: Sequence[str]) -> int:
    """Import a verb, parse its arguments, and run it."""
    module = importlib.import_module(f'.{name}', __name__)
    verb = argparse.ArgumentParser(
        prog=f'rcn-mmpose {name}',
        description=module.__doc__,
        epilog='examples:\n' + textwrap.indent(module.EXAMPLES, '  '),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(verb)
    return module.run(verb.parse_args(rest))


def add_model_arguments(
    parser: argparse.ArgumentParser,
    default: str | None = None,
    predicts: bool = True,
) -> None:
    """Add the options of the model.

    Args:
        parser (argparse.ArgumentParser): Parser of the verb.
        default (str, optional): Name of the default model. Without a default
            the option is required.
        predicts (bool): Whether the verb predicts and has options for
            precision and passes. Defaults to True.
    """
    known = f' (default: {default})' if default else ''
    group = parser.add_argument_group('model')
    group.add_argument(
        '--model',
        required=default is None,
        default=default,
        help='a name that rcn-mmpose models lists, a checkpoint (.pth) of '
        'tools/train.py, an exported .onnx, or a config together with '
        f'--checkpoint{known}',
    )
    group.add_argument('--checkpoint', help='weights for a config')
    group.add_argument(
        '--device',
        default='cpu',
        help='device of the network, as PyTorch names it, or auto: a GPU if PyTorch '
        'finds one (default: cpu)',
    )
    if not predicts:
        parser.set_defaults(precision='fp32', passes=1)
        return
    group.add_argument(
        '--precision',
        choices=('fp32', 'bf16'),
        default='fp32',
        help='precision of the network (default: fp32)',
    )
    group.add_argument(
        '--passes',
        type=int,
        choices=(1, 2),
        default=1,
        help='2 predicts each face again from an upright crop around its first '
        'keypoints and merges both predictions, in twice the time (default: 1)',
    )


def add_detector_argument(parser: argparse.ArgumentParser) -> None:
    """Add the options of the face detector."""
    parser.add_argument(
        '--detector',
        default='auto',
        metavar='NAME',
        help="yunet, yunet:PATH (OpenCV's file of its weights), haar (OpenCV's cascade "
        'for upright frontal faces), or auto: yunet if its weights are installed, '
        'else haar (default: auto)',
    )
    parser.add_argument(
        '--smallest-face',
        type=float,
        metavar='FRACTION',
        help='smallest face that the detector finds, as a fraction of the '
        "image's shorter side (default: 16 pixels; haar: 0.05)",
    )
    parser.add_argument(
        '--min-score',
        type=float,
        metavar='SCORE',
        help='threshold of the score of yunet, above 0 and below 1 (default: 0.7)',
    )


def detector_for(options: argparse.Namespace, predictor: Predictor) -> Any:
    """Return the face detector that the options name, for a model."""
    from ..detect.yunet import choose_detector

    return choose_detector(
        options.detector,
        predictor,
        options.smallest_face,
        options.min_score,
        lambda line: say(line, sys.stderr),
    )


def add_style_arguments(drawing: argparse._ArgumentGroup) -> None:
    """Add the options of what a drawing shows to their group."""
    drawing.add_argument(
        '--ellipses',
        action='store_true',
        help='also draw ellipses with 90 %% of the probability',
    )
    drawing.add_argument(
        '--radius',
        type=float,
        metavar='PIXELS',
        help='radius of the dots (default: a size that suits the face)',
    )
    drawing.add_argument('--no-box', action='store_true', help='do not draw the boxes')


def load(options: argparse.Namespace, runtime: str | None = None) -> Predictor:
    """Load the model that the options name."""
    from ..inference.loading import load_model

    return load_model(
        options.model,
        options.checkpoint,
        precision=options.precision,
        device=_best_device(options.model)
        if options.device == 'auto'
        else options.device,
        batch_size=getattr(options, 'batch_size', None),
        passes=options.passes,
        runtime=runtime,
    )


def _best_device(model: str) -> str:
    """Return a GPU if the model can run on one, else the CPU."""
    if model.lower().endswith('.onnx') or not find_spec('torch'):
        return 'cpu'
    import torch

    return 'cuda' if torch.cuda.is_available() else 'cpu'


def output_of(out: str, kind: str) -> tuple[str, TextIO | None]:
    """Return where ``--out`` writes: a file, or stdout for ``-``.

    Args:
        out (str): The value of the option.
        kind (str): What stdout takes, json or csv.

    Returns:
        tuple[str, TextIO | None]: Name of the file, whose ending is the form; and
        stdout, ready for UTF-8, or None for a file.
    """
    if out != STANDARD_OUTPUT:
        return out, None
    stdout = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        stdout.reconfigure(encoding='utf-8', errors='surrogateescape', newline='')
    return f'{out}.{kind}', stdout


def say_licence(predictor: Predictor) -> None:
    """Print the licence of the weights on stderr, once per command."""
    info = predictor.info
    licence = info.licence or (
        'not stated. If you trained the model, state yours in its config: '
        "licence = '...'"
    )
    line = f'licence of the weights of {info.name}: {licence}'
    say(' '.join(line.split()), sys.stderr)


def model_inputs(options: argparse.Namespace) -> dict[str, str]:
    """Return the files of the model that the options name, with their roles."""
    files = {options.model: 'the model'}
    base, ending = os.path.splitext(options.model)
    if ending == '.onnx':
        files[f'{base}.json'] = 'the description of the model'
    if options.checkpoint:
        files[options.checkpoint] = 'the checkpoint'
    return files


def protect_inputs(option: str, path: str, inputs: Mapping[str, str]) -> None:
    """Check that an output file does not overwrite an input file.

    Args:
        option (str): The option that names the output file.
        path (str): The output file.
        inputs (Mapping[str, str]): Role of each input file, by its path.

    Raises:
        ValueError: If the output file is an input file, under any name.
    """
    output = os.path.realpath(path)
    for file, role in inputs.items():
        if os.path.realpath(file) == output:
            raise ValueError(f'{option} {path!r} is {role}; give another file.')


class Advance(Protocol):
    """A function that advances a progress bar."""

    def __call__(self, steps: int = 1) -> None:
        """Advance by some steps."""


@contextmanager
def progress(text: str, total: int | None, quiet: bool = False) -> Iterator[Advance]:
    """Show a progress bar while the block runs, on a terminal only.

    The bar needs rich, which an environment for exported models need not have.
    Without rich there is no bar.

    Args:
        text (str): Name of the steps.
        total (int, optional): Number of steps; None if unknown.
        quiet (bool): Show nothing. Defaults to False.
    """
    bar = None
    if sys.stderr.isatty() and not quiet:
        try:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            bar = Progress(
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
        except ImportError:
            pass
    if bar is None:
        yield lambda steps=1: None
        return
    with bar:
        task = bar.add_task(text, total=total)
        yield lambda steps=1: bar.advance(task, steps)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text; control characters from names are shown as escapes.

    Args:
        text (str): One line or several.
        stream (TextIO, optional): Defaults to stdout.
    """
    print(text.translate(CONTROLS), file=stream)


def counted(number: int, noun: str) -> str:
    """Return a number with a noun in the singular or the plural."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'
