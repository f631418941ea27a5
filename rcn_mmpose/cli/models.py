"""List the models that ship with the package, and check their files.

Exit status: 0 if no file is missing or changed, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

EXAMPLES = """\
rcn-mmpose models
rcn-mmpose models --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        '--json', action='store_true', help='print all entries of the index as json'
    )


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    from ..shipped.catalogue import (
        FOLDER,
        model_files,
        shipped_file,
        shipped_models,
    )

    models = shipped_models()
    if options.json:
        print(json.dumps([asdict(m) for m in models.values()], indent=2))
    elif not models:
        print(
            'No models ship with this version; train a model, see the README, '
            'and give its checkpoint (.pth).'
        )
    broken = []
    for name, model in models.items():
        try:
            model_files(name)
            shipped_file(name, 'onnx')
        except (ValueError, OSError) as error:
            broken.append(f'error: {error}')
        if not options.json:
            size = sum(file['bytes'] for file in model.files.values()) / 1e6
            print(
                f'{name}: {model.keypoints} keypoints, '
                f'{model.parameters:,} parameters, {size:.1f} MB'
            )
            print(f'    trained on  {model.trained_on}')
            print(f'    terms       {model.terms}')
            for data, results in model.metrics.items():
                values = ', '.join(f'{k} {v:g}' for k, v in results.items())
                print(f'    {data}: {values}')
    if models and not options.json:
        print(f'Terms: {FOLDER / "LICENSE-weights.md"}')
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0
