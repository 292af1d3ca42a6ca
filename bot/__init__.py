"""A self-hosted telephone voice bot: callers dial, a persona answers."""

__version__ = "0.1.0"
