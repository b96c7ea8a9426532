"""Deciding when and what: the Prefect flows, the command, the demo.

A flow is thin: its body is a plain function that runs as well without Prefect. This package imports
``crawler`` and ``storage``; neither imports it.
"""
