"""What a form in the Prefect UI lets a person choose from: the sources that are known where a flow is deployed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from crawler.source_files import read_sources
from flows.settings import load_settings


def _choices(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(read_sources(load_settings().sources)[0])


SourceId = Annotated[str, Field(json_schema_extra=_choices)]
"""The id of a source; the form lists them."""
