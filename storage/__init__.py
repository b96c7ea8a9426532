"""What is kept, and how: transcripts and their text format, raw captures as WARC, the database.

Nothing here knows how a page was fetched or read, or when a run happens: this package imports neither
``crawler`` nor ``flows``.
"""
