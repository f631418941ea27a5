"""The Python environment: versions, process start, memory allocation."""
