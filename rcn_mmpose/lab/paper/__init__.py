"""Experiments, tables and figures of the paper.

Used by ``tools/reproduce.py`` (tables) and ``tools/analysis_tools/figures.py``
(figures).
"""
