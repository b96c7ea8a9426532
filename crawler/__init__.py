"""Fetching pages and reading them.

``sources/`` holds one TOML file an institution; `crawler.source` is their model. `crawler.discovery` finds
a source's pages by `crawler.ways`, ``spiders/`` fetch them as `crawler.courtesy` allows, `crawler.page` and
`crawler.turns` read them. Nothing here decides when a crawl happens: this package imports ``storage`` and never
``flows``.
"""
