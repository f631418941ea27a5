r"""Draw the error curves of any number of tests into one image.

    python tools/plot_ced.py a/errors.csv b/errors.csv --labels first second \
        --value NME_pixels_eye_centres --out ced.png

reads files with the error of each face, as a test writes them (FaceNME's
``out_file``, or tools/report.py), draws the cumulative error distributions,
and prints for each the number of faces, mean error (NME), median, area under
the curve (AUC) and failure rate (FR). Curves are comparable only by the same
value of the same faces: one note says so where the faces differ.
"""

from __future__ import annotations

import argparse
import sys

from rcn_mmpose.cli import plot


def main(args: list[str]) -> None:
    """Do what ``rcn-mmpose plot`` does."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    plot.add_arguments(parser)
    plot.run(parser.parse_args(args))


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
