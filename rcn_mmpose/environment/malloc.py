"""Keep freed memory in the process instead of returning it to the system.

On a CPU, every training step allocates and frees the same large arrays. Above a
threshold (128 kB to 32 MB, adapted at run time) the allocator of glibc returns
a freed array to the system, and the system clears the pages of the next array.
Kept memory avoids this cost.
"""

import ctypes
import os

# Options of mallopt, from <malloc.h>.
TRIM_THRESHOLD = -1
MMAP_THRESHOLD = -3
# Values of MMAP_THRESHOLD to try; older versions of glibc refuse more than 32 MB.
SIZES = (1 << 30, 32 << 20)
# Environment variable and glibc tunable of each option.
VARIABLES = {
    MMAP_THRESHOLD: ('MALLOC_MMAP_THRESHOLD_', 'glibc.malloc.mmap_threshold'),
    TRIM_THRESHOLD: ('MALLOC_TRIM_THRESHOLD_', 'glibc.malloc.trim_threshold'),
}


def keep_freed_memory() -> bool:
    """Let this process keep freed memory for the next array.

    The process keeps its peak memory. Without glibc (Linux), nothing happens.
    Thresholds that the environment variables ``MALLOC_MMAP_THRESHOLD_``,
    ``MALLOC_TRIM_THRESHOLD_`` and ``GLIBC_TUNABLES`` set are not changed.

    Returns:
        bool: Whether both thresholds have been raised.
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    done = True
    for option, sizes in (
        (MMAP_THRESHOLD, SIZES),
        (TRIM_THRESHOLD, (2**31 - 1,)),
    ):
        variable, tunable = VARIABLES[option]
        done &= (
            variable not in os.environ
            and tunable not in os.environ.get('GLIBC_TUNABLES', '')
            and any(mallopt(option, size) for size in sizes)
        )
    return done


def _is_glibc() -> bool:
    """Return whether the C library is glibc."""
    try:
        version = os.confstr('CS_GNU_LIBC_VERSION')
    except (AttributeError, ValueError, OSError):  # not on this system
        return False
    return version is not None and version.startswith('glibc')
