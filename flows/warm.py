"""What the processes that read pages have in common, loaded once: they are forked from one that imports this."""

from __future__ import annotations

import warnings

import flows.readers  # noqa: F401 - with all that reading needs
from crawler.garbage import spare_imported
from crawler.language import language_of_text

language_of_text("The model that tells languages apart is loaded when it is first asked.")

# Each of them imports the main module once more, as Python has it, and warns that it is here already.
warnings.filterwarnings("ignore", r".* found in sys\.modules after import", RuntimeWarning)

spare_imported()
