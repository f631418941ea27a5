"""The paper's experiments, tables and figures, for tools/reproduce.py."""
