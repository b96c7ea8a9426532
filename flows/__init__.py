"""Deciding when and what: the Prefect flows, the command, the demo.

A flow is thin: its body is a plain function that runs as well without Prefect. This package imports
``crawler`` and ``storage``; neither imports it.
"""

import os

# No numbers here are worth a thread: NumPy's own would wait for work, busily, in each process that imports it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
