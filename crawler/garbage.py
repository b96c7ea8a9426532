"""When Python looks for garbage, in a process that has much to do."""

from __future__ import annotations

import gc
from functools import cache


@cache
def spare_imported() -> None:
    """Let it leave alone what is there by now, and look less often through what comes.

    Call it once all is imported. Looking through a whole process again and again was a tenth of the CPU time of a
    long crawl and of a long load; a page leaves hardly any garbage of the kind that has to be looked for.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
