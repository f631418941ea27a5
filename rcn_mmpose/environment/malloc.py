"""Keeping freed memory, instead of asking the system for it again.

On a CPU every training step makes and frees the same large arrays. Above
some size (128 kB to 32 MB, as it has adapted) the memory allocator of glibc
gives each back to the system, which clears the pages of the next one anew.
Kept, they cost nothing.
"""

import ctypes
import os

# of <malloc.h>
TRIM_THRESHOLD = -1
MMAP_THRESHOLD = -3
# older versions of glibc take no more than 32 MB as the latter
SIZES = (1 << 30, 32 << 20)
# What a user would set, and what glibc calls it among its tunables.
VARIABLES = {
    MMAP_THRESHOLD: ('MALLOC_MMAP_THRESHOLD_', 'glibc.malloc.mmap_threshold'),
    TRIM_THRESHOLD: ('MALLOC_TRIM_THRESHOLD_', 'glibc.malloc.trim_threshold'),
}


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees, for the next array.

    It holds on to as much as it ever needed at a time. Elsewhere than on
    Linux with glibc nothing happens. What the environment variables
    ``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_`` and
    ``GLIBC_TUNABLES`` say is left as it is.

    Returns:
        bool: Whether both thresholds are now as high as they go.
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
    """Tell whether the C library is GNU's."""
    try:
        return os.confstr('CS_GNU_LIBC_VERSION').startswith('glibc')
    except (AttributeError, ValueError, OSError):  # no such call or name
        return False
