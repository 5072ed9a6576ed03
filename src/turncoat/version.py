"""The version of this release: written here, read by the build, and nowhere else. Imports nothing."""

__version__ = "0.1.0"
