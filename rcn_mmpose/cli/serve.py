"""Show a web page on this machine that finds keypoints in images.

Open the printed address in a browser and drop an image on the page. The page
loads nothing from other servers, and images stay in memory. Without --host
only this machine can reach the page. Exit status: 0 after Ctrl-C, 2 for wrong
use.
"""

from __future__ import annotations

import argparse
import errno
import sys

from . import add_detector_argument

EXAMPLES = """\
rcn-mmpose serve
rcn-mmpose serve work_dirs/rcn_300w/best.pth --port 8081"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        'model',
        nargs='?',
        default='rcn-68',
        metavar='MODEL',
        help='a name that rcn-mmpose models lists, a checkpoint (.pth) of '
        'tools/train.py, or an exported .onnx (default: rcn-68)',
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
    from ..detect.haar import HaarDetector
    from ..inference.loading import load_model
    from ..serve.server import PageServer, is_loopback
    from ..serve.service import Service

    predictor = load_model(options.model)
    detector = HaarDetector.for_model(predictor, options.smallest_face)
    service = Service(predictor.with_detector(detector))
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
            'it has no password and no encryption.',
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
