"""Layouts: where a source's pages keep their title, date and body, and from when to when.

Sites are rebuilt; archived pages are not. So a source lists its layouts with the dates they hold for, and the
date of the capture picks one.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _css(selector: str) -> str:
    try:
        CSSSelector(selector)
    except SelectorError as problem:
        raise ValueError(f"not a CSS selector: {selector!r} ({problem})") from problem
    return selector


def _pattern(expression: str) -> str:
    try:
        re.compile(expression)
    except re.error as problem:
        raise ValueError(f"not a regular expression: {expression!r} ({problem})") from problem
    return expression


Css = Annotated[str, AfterValidator(_css)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Layout(BaseModel):
    """Selectors of one layout of a source's document pages; of several for a thing the first that matches.

    `lead` and `drop` name parts of the body: all their selectors count, and they see nothing above the body.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    since: dt.date | None = Field(default=None, description="first day of capture that it holds for")
    until: dt.date | None = Field(default=None, description="last day of capture that it holds for")
    title: tuple[Css, ...] = Field(min_length=1)
    date: tuple[Css, ...] = Field(min_length=1, description="datetime attribute first, else the text")
    body: tuple[Css, ...] = Field(min_length=1)
    lead: tuple[Css, ...] = Field(default=(), description="a summary above the body; kept out of the turns")
    drop: tuple[Css, ...] = Field(default=(), description="furniture within the body")
    number: tuple[Css, ...] = Field(default=(), description="the institution's number of the document")
