"""Programs for maintainers: paper, benchmarks, reports, calibration, release.

Nothing here is stable: modules, names and file formats change without notice.
"""
