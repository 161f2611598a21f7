"""An API gateway: the single entry point in front of a company's microservices."""

__version__ = "0.1.0"
