"""A small ministry's web site on this machine: what `podium demo` collects, and what the tests crawl.

`briefings.txt` is what it publishes, `content` reads that into documents and the transcripts expected of them,
`pages` prints them as HTML, and `server` serves them over real HTTP. It knows the model of a transcript and
nothing else of Podium: a site that shared code with its reader would prove nothing.
"""

from flows.demo_site.content import Block, Document, load_documents
from flows.demo_site.server import Answer, Ministry, Request, Visit

__all__ = ["Answer", "Block", "Document", "Ministry", "Request", "Visit", "load_documents"]
