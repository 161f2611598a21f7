"""How good the detector of anomalies is: made series, and the score of the Numenta Anomaly Benchmark over them."""
