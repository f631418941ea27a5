"""Show a page on this machine: drop an image, see its keypoints.

Open the address that is printed in a browser. The page loads nothing from
elsewhere, images stay in memory. Only this machine reaches it unless --host
says otherwise. Ctrl-C ends it, with exit status 0; wrong use gives 2.
"""

from __future__ import annotations

import argparse
import errno
import sys

from .inputs import add_detector_argument

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
        help='a checkpoint (.pth) of tools/train.py, an exported .onnx, or a '
        'name that rcn-mmpose models lists (default: rcn-68)',
    )
    parser.add_argument(
        '--port',
        type=int,
        default=8080,
        help='where to listen, 0 for any that is free (default: 8080)',
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address or name to listen at (default: 127.0.0.1, which other '
        'machines cannot reach)',
    )
    add_detector_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    if not 0 <= options.port < 2**16:
        raise ValueError(f'--port {options.port}; give 0 to 65535.')
    from ..detect import detect_faces_for
    from ..inference import load_model
    from ..serve.server import PageServer, is_loopback
    from ..serve.service import Service

    predictor = load_model(options.model)
    detect_faces_for(predictor, smallest=options.smallest_face)
    service = Service(predictor)
    try:
        server = PageServer(service, options.host, options.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = 'give another port, or --port 0 for any that is free.'
        else:
            hint = 'give another --host or --port.'
        raise OSError(
            f'cannot listen at {options.host!r}, port {options.port}: '
            f'{error.strerror}; {hint}'
        ) from error
    if not is_loopback(options.host):
        print(
            f'warning: whoever reaches {options.host!r} can use this page; it '
            'asks for no password and does not encrypt.',
            file=sys.stderr,
        )
    print(f'{server.url} (Ctrl-C ends it)', flush=True)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print('stopped.', file=sys.stderr)
    with service.lock:  # not while a network is at work
        return 0
