"""The `bfcl` judging mode: verdicts identical with BFCL's official AST checker, without its eval().

Source: bfcl-eval 2026.3.23 (PyPI), held to by tests/parity. Text of Java and JavaScript categories is read
by small parsers of our own; what they do not read is refused and marked, see java_text.py.
"""

from suites.bfcl.checker import check
from suites.bfcl.decode import check_text, decode
from suites.bfcl.verdict import BfclVerdict, Decoded

__all__ = ["BfclVerdict", "Decoded", "check", "check_text", "decode"]
