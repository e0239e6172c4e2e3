"""A small lending desk for a club's library."""

__version__ = "0.3.1"
