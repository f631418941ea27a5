"""What things cost: the parts of ``tools/analysis_tools/benchmark.py``.

Each subject (``train``, ``predict``, ``denoiser``, ``data``, ``peers``) is a
module with a function ``groups`` that lists what is compared, as
:class:`~.arm.Plan`, and functions that set it up. What is set up lives in a
process of its own (:mod:`.arm`), with its number of threads; all take turns
(:mod:`.rounds`), so that a machine that slows down slows all alike.
"""
