"""Three small services to put the gateway in front of: `python -m gateway.examples`."""
