"""Micro-benchmarks, one file for each fast module."""
