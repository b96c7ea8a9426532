"""The ministry's pages as HTML, its feed, site map and robots.txt. Functions of documents; no state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape

from flows.demo_site.content import Block, Document, Markup, spelt

PER_PAGE = 5
NAME = "Ministry of Foreign Affairs of the Republic of Kestria"

_STYLE = """
body { margin: 0; font: 17px/1.6 Georgia, serif; color: #222; background: #f6f4ef }
header.site, footer.site { background: #17394d; color: #fff; padding: 1rem }
header.site a, footer.site a { color: #cfe3ee; margin-right: 1.2rem }
main { max-width: 44rem; margin: 2rem auto; padding: 1rem 2rem; background: #fff }
h1 { font-size: 1.6rem; line-height: 1.25 }
h2 { font-size: 1.2rem }
time, .document__number, .share, .contents, footer.site { font: 14px/1.5 sans-serif }
.document__lead { font-style: italic }
.briefings { list-style: none; padding: 0 }
.briefings li { margin: 0 0 1.2rem }
.briefings time { display: block; color: #667 }
"""


def home(documents: Sequence[Document]) -> str:
    """The front page: a welcome and the three newest."""
    return _page(
        "Welcome",
        f"<h1>{NAME}</h1>\n<p>News from the podium at Port Aldane.</p>\n"
        f"<h2>Latest</h2>\n{_items(documents[:3], 1)}\n"
        '<p><a href="/briefings/">All briefings</a></p>',
    )


def listing(documents: Sequence[Document], page: int, pages: int) -> str:
    """A page of the listing, newest first; `documents` are that page's own."""
    links = []
    if page > 1:
        links.append(f'<a rel="prev" href="{listing_path(page - 1)}">Newer</a>')
    if page < pages:
        links.append(f'<a rel="next" href="{listing_path(page + 1)}">Older</a>')
    following = f'<link rel="next" href="{listing_path(page + 1)}">\n' if page < pages else ""
    body = (
        f"<h1>Briefings</h1>\n{_items(documents, pages)}\n"
        f'<nav class="pager" aria-label="Pages">Page {page} of {pages} {" ".join(links)}</nav>'
    )
    return _page("Briefings", body, head=following)


def listing_path(page: int) -> str:
    """Where a page of the listing stands."""
    return "/briefings/" if page == 1 else f"/briefings/page/{page}"


def day(documents: Sequence[Document], date: dt.date) -> str:
    """The calendar's page of one day, which may have nothing to show."""
    title = f"Briefings of {spelt(date)}"
    empty = "" if documents else "\n<p>No briefings were published on this day.</p>"
    return _page(title, f"<h1>{title}</h1>\n{_items(documents, 1)}{empty}")


def document(document: Document, views: int) -> str:
    """A document's page."""
    published = document.published
    parts = [
        '<article class="document">',
        f'<time class="document__date" datetime="{published.isoformat()}">'
        f"{spelt(published)}, {published:%H:%M}</time>",
        f'<h1 class="document__title">{escape(document.title, quote=False)}</h1>',
    ]
    if document.number:
        parts.append(f'<p class="document__number">{document.number}</p>')
    if document.lead:
        parts.append(f'<p class="document__lead">{escape(document.lead, quote=False)}</p>')
    parts.append('<div class="document__body">')
    if document.contents:
        parts.append(_contents(document.blocks))
    parts += [_block(block, n, document.markup) for n, block in enumerate(document.blocks)]
    parts += [
        '<div class="share">Share: <a href="mailto:?subject=Briefing">by mail</a> '
        f'<a href="{document.path}?print=1">print</a></div>',
        "</div>",
        f'<p class="share">Viewed <span class="views">{views}</span> times</p>',
        "</article>",
    ]
    return _page(document.title, "\n".join(parts))


def label(text: str, markup: Markup) -> str:
    """A turn's label with its colon, in one of the ways that real sites print it."""
    name, bracket, rest = escape(text, quote=False).partition(" (")
    remark = bracket + rest
    if markup == "plain":
        return f"{name}{remark}:"
    if markup == "strong":
        return f"<strong>{name}{remark}:</strong>&nbsp;"
    if markup == "split":
        first, _, last = f"{name}{remark}".rpartition(" ")
        return f"<b>{first}</b> <b>{last}:</b>"
    if remark:
        return f"<b>{name}</b><i>{remark}</i>:"
    if markup == "outside":
        return f"<b>{name}</b>:"
    return f"<b>{name.upper() if markup == 'capitals' and name == 'Question' else name}:</b>"


def missing() -> str:
    """What a wrong address is answered with."""
    return _page("Not found", "<h1>Not found</h1>\n<p>There is no page at this address.</p>")


def press_kit() -> str:
    """A page that robots.txt asks machines to leave alone."""
    return _page("Press kit", "<h1>Press kit</h1>\n<p>For accredited journalists.</p>")


def feed(documents: Sequence[Document], base: str) -> str:
    """The Atom feed of the newest documents."""
    entries = "\n".join(
        f"<entry><id>tag:mfa.kestria.example,2020:{each.id}</id>"
        f"<title>{escape(each.title)}</title>"
        f'<link rel="alternate" href="{base}{each.path}"/>'
        f"<published>{each.published.isoformat()}</published>"
        f"<updated>{each.modified.isoformat()}</updated>"
        f"<summary>{escape(each.lead or '')}</summary></entry>"
        for each in documents
    )
    updated = max((each.modified.isoformat() for each in documents), default="1970-01-01T00:00:00Z")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>tag:mfa.kestria.example,2020:briefings</id>\n<title>{NAME}</title>\n"
        f"<author><name>Press office</name></author>\n"
        f'<link rel="self" href="{base}/feed.xml"/>\n<updated>{updated}</updated>\n{entries}\n</feed>\n'
    )


def sitemap(documents: Sequence[Document], base: str) -> str:
    """The site map: every document, with the day of its last change."""
    urls = "\n".join(
        f"<url><loc>{base}{each.path}</loc><lastmod>{each.modified.isoformat()}</lastmod></url>"
        for each in documents
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}\n</urlset>\n'
    )


def robots(base: str) -> str:
    """Everything is allowed but /private/."""
    return f"User-agent: *\nDisallow: /private/\n\nSitemap: {base}/sitemap.xml\n"


def _items(documents: Sequence[Document], pages: int) -> str:
    items = "\n".join(
        f'<li class="briefings__item"><time datetime="{each.published.isoformat()}">'
        f"{each.published:%d.%m.%Y %H:%M}</time> "
        f'<a href="{each.path}">{escape(each.title, quote=False)}</a></li>'
        for each in documents
    )
    return f'<ul class="briefings" data-pages="{pages}">\n{items}\n</ul>'


def _contents(blocks: Sequence[Block]) -> str:
    items = "".join(
        f'<li><a href="#part-{n}">{escape(block.text, quote=False)}</a></li>'
        for n, block in enumerate(blocks)
        if block.heading
    )
    return f'<div class="contents"><p>Table of contents</p><ul>{items}</ul></div>'


def _block(block: Block, n: int, markup: Markup) -> str:
    text = escape(block.text, quote=False)
    if block.heading:
        return f'<h2 id="part-{n}">{text}</h2>'
    if block.label:
        return f"<p>{label(block.label, markup)} {text}</p>"
    if text.startswith("(") and text.endswith(")"):
        return f"<p><i>{text}</i></p>"
    return f"<p>{text}</p>"


def _page(title: str, main: str, head: str = "") -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title, quote=False)} – {NAME}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="alternate" type="application/atom+xml" href="/feed.xml">\n{head}'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header class="site"><a href="/">{NAME}</a> <a href="/briefings/">Briefings</a></header>\n'
        f"<main>\n{main}\n</main>\n"
        '<footer class="site"><p>12 Harbour Square, Port Aldane. Press office: weekdays, 9 am to 6 pm. '
        '<a href="/private/press-kit">Press kit</a> <a href="/feed.xml">Feed</a></p></footer>\n'
        "</body>\n</html>\n"
    )
