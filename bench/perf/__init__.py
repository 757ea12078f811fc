"""Measurements of callbench's own speed; each module is a command and prints its findings as JSON last."""
