"""What a request costs: the gateway beside nginx and beside the stock stack, measured in one run (docs/perf.md)."""
