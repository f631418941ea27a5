r"""Write a report on a model for its model card: errors, curves and images.

    python tools/analysis_tools/model_report.py work_dirs/rcn_aflw/best.pth \
        --data mtfl_val
    python tools/analysis_tools/model_report.py model.onnx --data 300w_val --passes 2
    python tools/analysis_tools/model_report.py work_dirs/rcn_aflw/best.pth \
        --ann-file faces.json --images folder

writes to the folder --out:

    report.json       all numbers, with the model and the faces
    report.md         tables, a fragment for a model card
    boxes.png         the error with shifted, scaled and rotated boxes
    ced.png           error curves; the error of a missed face is infinite
    errors.csv        the error of each face with its true box; with two
                      passes also errors_second_pass.csv and
                      errors_both_passes.csv
    worst.png, random.png
                      20 faces each, with a legend and the image, id and error
                      of each face; only in a folder below work_dirs, because
                      most datasets must not be published

The errors are those of rcn_mmpose.FaceNME: the protocol of the paper (cells) and
the usual protocol (pixels), by every normaliser of the dataset. An exported model
has no cells. The boxes are true boxes, boxes of a detector, and true
boxes with known errors. A face is missed if no detected box has an intersection
over union of 0.5 with its true box.

Test faces need --test-set: use them once, at the end. The tool logs every test in
results/test_evaluations.jsonl, which belongs to the project.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import shlex
import sys

import numpy as np

from rcn_mmpose import __version__, compat

compat.activate()

from rcn_mmpose.cli import progress
from rcn_mmpose.detect import choose_detector
from rcn_mmpose.environment.script import run_script
from rcn_mmpose.evaluation.ced import draw_curves
from rcn_mmpose.evaluation.error_file import write_errors
from rcn_mmpose.inference import load_model
from rcn_mmpose.inference.loading import find_model
from rcn_mmpose.io.atomic import write_whole
from rcn_mmpose.lab.report import annotated_faces
from rcn_mmpose.lab.report.annotated_faces import LISTS, AnnotatedFaces
from rcn_mmpose.lab.report.box_errors import box_errors, draw_box_errors
from rcn_mmpose.lab.report.face_sheets import draw_sheets, may_hold_faces
from rcn_mmpose.lab.report.markdown_report import markdown
from rcn_mmpose.lab.report.model_report import PASSES, ModelReport
from rcn_mmpose.lab.report.model_test import run_test

LOG = os.path.join('results', 'test_evaluations.jsonl')


def parse_args(args: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('model', help='a checkpoint, an .onnx, a name, or a config')
    parser.add_argument('--checkpoint', help='weights, if the model is a config')
    parser.add_argument('--precision', default='fp32', help='fp32 or bf16')
    parser.add_argument('--device', default='cpu', help='device of the network')
    parser.add_argument(
        '--passes',
        type=int,
        default=1,
        choices=(1, 2),
        help='2 measures both passes, and both joined, which '
        'load_model(..., passes=2) returns (default: 1)',
    )
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument('--data', help=f'one of: {", ".join(LISTS)}')
    data.add_argument('--ann-file', help='COCO json; use with --images')
    data.add_argument('--config', help='the faces of a config')
    parser.add_argument('--data-root', default='data', help='data folder for --data')
    parser.add_argument('--images', default='.', help='image folder for --ann-file')
    parser.add_argument(
        '--part',
        default='val',
        choices=('train', 'val', 'test'),
        help='faces of --config (default: val)',
    )
    parser.add_argument(
        '--test-set', action='store_true', help='the faces are test faces'
    )
    parser.add_argument(
        '--out',
        help='output folder (default: work_dirs/model_report/MODEL_DATA)',
    )
    parser.add_argument(
        '--detector',
        default='auto',
        help='yunet, haar, or auto: yunet if installed (default: auto)',
    )
    parser.add_argument(
        '--no-detector',
        action='store_true',
        help='do not test detected boxes',
    )
    parser.add_argument(
        '--box-faces',
        type=int,
        default=300,
        metavar='N',
        help='test about N faces, spread over the list, with 37 wrong boxes each; '
        '0 for none (default: 300)',
    )
    parser.add_argument(
        '--sheet-faces', type=int, default=20, help='faces per sheet (default: 20)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of random.png')
    options = parser.parse_args(args)
    if options.box_faces < 0 or options.sheet_faces < 0:
        parser.error('--box-faces and --sheet-faces: give 0 or more.')
    return options


def load_faces(options: argparse.Namespace) -> AnnotatedFaces:
    """Load the faces that the options name.

    Raises:
        ValueError: If the faces are test faces and --test-set is missing.
    """
    if options.data:
        faces = annotated_faces.faces_of_list(options.data, options.data_root)
    elif options.ann_file:
        faces = annotated_faces.faces_of_file(options.ann_file, options.images)
    else:
        faces = annotated_faces.faces_of_config(options.config, options.part)
    if faces.is_test and not options.test_set:
        raise ValueError(
            f'{faces.ann_file!r} holds test faces, which are to be used once, '
            'at the end: confirm with --test-set, or use other faces, such '
            'as mtfl_val.'
        )
    return faces


def describe_model(options: argparse.Namespace) -> dict[str, str]:
    """Describe the model: name, file and hash."""
    file = options.checkpoint or find_model(options.model)
    with open(file, 'rb') as content:
        sha256 = hashlib.sha256(content.read()).hexdigest()
    # a relative path, because the log is shared by all machines
    return dict(model=options.model, file=os.path.relpath(file), sha256=sha256)


def write_log(content: dict) -> str:
    """Add a line about a test to the log."""
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    kept = ('date', 'command', 'model', 'data')
    line = {key: content[key] for key in kept}
    line['true_boxes'] = [
        {k: v for k, v in values.items() if k.count('_') <= 3}
        for values in content['true_boxes']
    ]
    with open(LOG, 'a', encoding='utf-8') as file:
        file.write(json.dumps(line) + '\n')
    return LOG


def main(args: list[str]) -> None:
    """Write the report."""
    options = parse_args(args)
    faces = load_faces(options)
    described = describe_model(options)
    model = load_model(
        options.model,
        options.checkpoint,
        precision=options.precision,
        device=options.device,
        box_rule=dict(rule='given'),
        passes=options.passes,
    )
    count = len(faces.faces)
    stem = os.path.splitext(os.path.basename(described['file']))[0]
    out = options.out or os.path.join(
        'work_dirs', 'model_report', f'{stem}_{faces.name}'.replace(' ', '_')
    )
    os.makedirs(out, exist_ok=True)
    detector = None
    if not options.no_detector:
        detector = choose_detector(options.detector, model)
    wrong: list[int] = []
    errors = []
    if options.box_faces:
        number = min(options.box_faces, count)
        wrong = np.linspace(0, count - 1, number).round().astype(int).tolist()
        errors = box_errors()
    with progress(f'{faces.name}: faces', count) as advance:
        tested = run_test(model, faces, detector, errors, frozenset(wrong), advance)
    report = ModelReport(faces, tested, errors, model.info.input_size)
    content = dict(
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        command=shlex.join(['python', 'tools/analysis_tools/model_report.py', *args]),
        version=__version__,
        model=dict(
            described,
            keypoints=len(model.info.keypoints),
            precision=options.precision,
            passes=options.passes,
        ),
        data=dict(
            name=faces.name,
            list=faces.metainfo.get('list_name', ''),
            ann_file=faces.ann_file,
            faces=count,
            faces_listed=faces.metainfo.get('faces_listed', count),
            test_set=options.test_set or faces.is_test,
        ),
        **report.content,
    )
    last = report.tables[-1]
    off = last.errors('pixels', report.main)
    content['worst'] = [
        dict(
            id=last.faces[row].id,
            image=last.faces[row].img_path,
            error=float(off[row]),
        )
        for row in np.argsort(-off, kind='stable')[: options.sheet_faces]
    ]
    text = (
        f'{faces.name} ({faces.metainfo.get("list_name") or "unnamed list"}, '
        f'{count:,} faces), `{content["command"]}`, {content["date"][:10]}\n\n'
        f'{markdown(content)}'
    )
    written = write_all(out, content, text, report, options)
    print(text)
    print('\n'.join(written))


def write_all(
    out: str,
    content: dict,
    text: str,
    report: ModelReport,
    options: argparse.Namespace,
) -> list[str]:
    """Write all files and return their names."""
    logged = []
    if content['data'][
        'test_set'
    ]:  # first, so that a later error does not hide the test
        logged = [write_log(content)]
    written = [os.path.join(out, n) for n in ('report.json', 'report.md')]
    write_whole(written[0], (json.dumps(content, indent=1) + '\n').encode())
    write_whole(written[1], text.encode())
    for i, table in enumerate(report.tables):
        name = ('errors', 'errors_second_pass', 'errors_both_passes')[i]
        written.append(os.path.join(out, f'{name}.csv'))
        write_errors(written[-1], table)
    written.append(os.path.join(out, 'ced.png'))
    quantity = f'error of a face by {report.main}'
    draw_curves(written[-1], report.curves, quantity, 15, threshold=10)
    if 'wrong_boxes' in report.content:
        lines = report.content['wrong_boxes']['lines']
        curves = {
            PASSES[i]: {
                (line['kind'], line['amount']): line['NME'][i] for line in lines
            }
            for i in range(report.passes)
        }
        written.append(os.path.join(out, 'boxes.png'))
        draw_box_errors(written[-1], curves, f'NME by {report.main}, %')
    if options.sheet_faces and not may_hold_faces(out):
        print(f'{out!r} is not below a folder named work_dirs: no faces are drawn.')
    elif options.sheet_faces:
        written += draw_sheets(
            out,
            report.tables[-1].faces,
            report.tables[-1].errors('pixels', report.main),
            options.sheet_faces,
            options.seed,
            report.faces.hidden,
            quantity,
        )
    return written + logged


if __name__ == '__main__':
    run_script(main, sys.argv[1:], errors=(ImportError,))
