"""The console command ``rcn-mmpose``, also ``python -m rcn_mmpose``.

A verb is a module of its name with ``EXAMPLES``, the examples of its
``--help``; ``add_arguments(parser)``; and ``run(options)``, which returns the
exit status: 0 if all went well, 1 if a part failed. Wrong use, said by a
ValueError, an OSError or an ImportError, ends with 2, Ctrl-C with 130. Only
the verb that is called is imported; where a package is missing, the error
says how to install it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence

from ..image.limits import MOST_PIXELS, OPENCV_PIXEL_LIMIT
from ..version import __version__

VERBS = dict(
    predict='find the keypoints of the faces in images',
    video='follow faces through a video',
    evaluate='measure predictions by true keypoints',
    plot='draw the error curves of several tests',
    export='write a model as ONNX, which needs no PyTorch',
    models='list the models that ship with the package',
    serve='show a page that finds keypoints in images',
    doctor='report on the environment',
)


# What is missing, by the name that an ImportError carries -> what helps.
PREDICTION = "prediction needs it: pip install 'rcn_mmpose[predict]'"
TRAINING = (
    'checkpoints, configs, export, --device and --precision need PyTorch and '
    'MMPose: `make install` builds an environment with both from '
    'requirements/lock.txt. Models that ship and exported ones (.onnx) '
    'predict without'
)
HINTS = {
    **dict.fromkeys(('cv2', 'onnxruntime'), PREDICTION),
    **dict.fromkeys(('torch', 'mmengine', 'mmcv', 'mmpose'), TRAINING),
    'matplotlib': 'curves are drawn by it: pip install matplotlib',
    'onnx': "export needs it: pip install 'rcn_mmpose[onnx]'",
}


class Interrupted(Exception):
    """Ctrl-C, after what was done until then has been written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments (Sequence[str], optional): Of the command line, without the
            program. Defaults to those it was called with.

    Returns:
        int: The exit status.
    """
    parser = argparse.ArgumentParser(
        prog='rcn-mmpose',
        description='Facial keypoints with Recombinator Networks.',
        epilog='verbs:\n'
        + '\n'.join(f'  {verb:10}{text}' for verb, text in VERBS.items())
        + "\n\n'rcn-mmpose VERB --help' has options and examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--version', action='version', version=f'rcn_mmpose {__version__}'
    )
    parser.add_argument('verb', choices=VERBS, metavar='VERB')
    parser.add_argument('rest', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    os.environ.setdefault(OPENCV_PIXEL_LIMIT, str(MOST_PIXELS))
    try:
        return _run(options.verb, options.rest)
    except BrokenPipeError:  # such as `rcn-mmpose models | head -n 1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:
        hint = HINTS.get((error.name or '').partition('.')[0], '')
        print(f'error: {error}{hint and f"; {hint}."}', file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (KeyboardInterrupt, Interrupted) as error:
        print(f'interrupted. {error}'.rstrip(), file=sys.stderr)
        return 130


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
