"""Past one machine: a simulation of pods, workers and a Redis, fed with what a request was measured to cost."""
