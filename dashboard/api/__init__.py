"""The REST API: everything that the pages do, for scripts; an application of its own, with its OpenAPI."""

from dashboard.api.application import create_api

__all__ = ["create_api"]
