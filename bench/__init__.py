"""The act of measuring: prompt, generate, parse, judge, record; engines; the command line."""
