"""A soak: a compressed mix of everything that wears a gateway, and whether something leaks (docs/perf.md)."""
