"""OpenAPI documents: what they say of requests, as routes of the configuration."""
