"""A credential sidecar for the REST APIs of the Belgian social security."""

__version__ = "0.2.0.dev0"
