"""Show a web page on this machine that finds keypoints in images.

Open the printed address in a browser and drop an image on the page. The page
offers the models that are named here; all are loaded at the start. The page
loads nothing from other servers, and images stay in memory. Without --host
only this machine can reach the page. Exit status: 0 after Ctrl-C, 2 for wrong
use.
"""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Sequence
from pathlib import Path

from . import add_detector_argument, detector_for, say_licence

DEFAULT = 'rcn-68'
EXAMPLES = """\
rcn-mmpose serve rcn-5 rcn-68
rcn-mmpose serve work_dirs/rcn_300w/best.pth --port 8081"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'models',
        nargs='*',
        metavar='MODEL',
        help='a name that rcn-mmpose models lists, a checkpoint (.pth) of '
        'tools/train.py, or an exported .onnx; the page starts with the first one '
        '(default: rcn-68, then the other shipped models)',
    )
    parser.add_argument(
        '--port',
        type=int,
        default=8080,
        help='port of the server, 0 for any free port (default: 8080)',
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address or name of the server (default: 127.0.0.1, which other '
        'machines cannot reach)',
    )
    add_detector_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    if not 0 <= options.port < 2**16:
        raise ValueError(f'--port {options.port}; give 0 to 65535.')
    from ..inference.loading import load_model
    from ..serve.server import PageServer, is_loopback
    from ..serve.service import Service
    from ..shipped.catalogue import shipped_models

    models = list(dict.fromkeys(options.models or [DEFAULT, *shipped_models()]))
    predictors = []
    for model in models:
        predictor = load_model(model)
        detector = detector_for(options, predictor)
        predictors.append(predictor.with_detector(detector))
    for predictor in predictors:
        say_licence(predictor)
    service = Service(dict(zip(short_names(models), predictors, strict=True)))
    try:
        server = PageServer(service, options.host, options.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = 'give another port, or --port 0 for any free port.'
        else:
            hint = 'give another --host or --port.'
        raise OSError(
            f'cannot listen at {options.host!r}, port {options.port}: '
            f'{error.strerror}; {hint}'
        ) from error
    if not is_loopback(options.host):
        print(
            f'warning: anyone who can reach {options.host!r} can use this page; '
            'it has no password and no encryption. Other machines open it by the IP '
            'address of this machine.',
            file=sys.stderr,
        )
    print(f'{server.url} (Ctrl-C stops it)', flush=True)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print('stopped.', file=sys.stderr)
    with service.lock:  # wait for a prediction that is running
        return 0


def short_names(models: Sequence[str]) -> list[str]:
    """Return the shortest ends of paths that differ, without the suffix.

    Args:
        models (Sequence[str]): Different names or paths of models.

    Returns:
        list[str]: A name for each, such as ``b/best`` for ``a/b/best.pth``; the
        paths if two of them differ by their suffix only.
    """
    parts = [Path(model).with_suffix('').parts for model in models]
    for length in range(1, max(map(len, parts)) + 1):
        names = ['/'.join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(models)
