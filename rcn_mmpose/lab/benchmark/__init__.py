"""Benchmarks of speed and memory, for ``tools/analysis_tools/benchmark.py``.

Each subject is a module: ``train``, ``predict``, ``denoiser``, ``data`` and
``package_comparison`` (subject ``peers``). Its function ``groups`` lists the
compared processes, one
:class:`~rcn_mmpose.lab.benchmark.measured_process.ProcessPlan` each; its
functions ``set_up`` create the measured cases inside such a process.
:mod:`rcn_mmpose.lab.benchmark.turns` lets all cases take turns and
:mod:`rcn_mmpose.lab.benchmark.report` writes the tables.
"""
