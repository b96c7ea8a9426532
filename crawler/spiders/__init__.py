"""Scrapy's spiders: one, which serves every source that a TOML file describes."""
