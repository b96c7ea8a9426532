"""Spiders. `BriefingSpider` serves every source that a TOML file can describe; a site that needs code gets a
subclass here, in a module of its own."""
