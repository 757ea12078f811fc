"""The gate's result as JUnit XML: what fails there is exactly what fails the gate."""

from xml.etree import ElementTree as ET

from bench.decide import PairedLine
from bench.gate import Finding, GateResult
from reports.shown import actual, clean, expected

__all__ = ["junit"]

_LISTED = 50
_WIDTH = 2000


def junit(result: GateResult) -> str:
    """One test a line, one a must-pass case, one a case without a reply (an error, not a failure).

    Acknowledged regressions are skipped tests with their reason; cases that broke without failing the gate
    stand in their line's output. Characters that XML 1.0 forbids become U+FFFD.
    """
    held = {(f.line is None, f.name): f for f in result.findings}
    root = ET.Element("testsuites", name="callbench gate")
    lines = ET.SubElement(root, "testsuite", name="lines")
    for line in result.comparison.lines:
        _line(lines, line, held.get((False, line.name)), result)
    cases = ET.SubElement(root, "testsuite", name="must-pass")
    names = {p.name: p for p in result.checked}
    for name in dict.fromkeys([*names, *(f.name for f in result.findings if f.line is None)]):
        test = _test(cases, "must-pass", name)
        if (finding := held.get((True, name))) is not None:
            pair = finding.pair
            detail = "" if pair is None else f"expected: {expected(pair.first.case, _WIDTH)}\n"
            detail += "" if pair is None else f"actual: {actual(pair.second, _WIDTH)}"
            _held(test, finding, detail)
    lost = ET.SubElement(root, "testsuite", name="replies")
    for role, side in zip(("baseline", "candidate"), result.errors, strict=True):
        for record in side:
            test = _test(lost, role, f"{record.suite}:{record.id}")
            ET.SubElement(test, "error", message=_safe(f"no reply: {record.verdict.reason}"))
    for suite in (root, lines, cases, lost):
        suite.set("tests", str(len(suite.findall(".//testcase"))))
        suite.set("failures", str(len(suite.findall(".//failure"))))
        suite.set("errors", str(len(suite.findall(".//error"))))
        suite.set("skipped", str(len(suite.findall(".//skipped"))))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _line(suite: ET.Element, line: PairedLine, finding: Finding | None, result: GateResult) -> None:
    test = _test(suite, "lines", line.name)
    if finding is not None:
        _held(test, finding, "")
    d = line.difference
    said = [
        f"{line.words}: {100 * d.estimate:+.1f} points "
        f"[{100 * d.interval.low:+.1f}, {100 * d.interval.high:+.1f}], n {d.n}, fixed {d.fixed}, "
        f"broken {d.broken}, p {d.p:.3g}, adjusted {line.adjusted:.3g}"
    ]
    if line.family == "all":
        said += list(result.notes)
        broken = [p for p in result.comparison.pairs if p.fate == "broken"]
        said += [
            f"broken: {p.name}: expected {expected(p.first.case)}; got {actual(p.second)}"
            for p in broken[:_LISTED]
        ]
        if len(broken) > _LISTED:
            said.append(f"and {len(broken) - _LISTED} more")
    ET.SubElement(test, "system-out").text = _safe("\n".join(said), _LISTED * _WIDTH)


def _test(suite: ET.Element, group: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=f"callbench.gate.{group}", name=_safe(name), time="0"
    )


def _held(test: ET.Element, finding: Finding, detail: str) -> None:
    entry = finding.acknowledged
    if entry is not None and not finding.fails:
        ET.SubElement(
            test,
            "skipped",
            message=_safe(f"acknowledged until {entry.expires}: {entry.reason} ({finding.text})"),
        )
        return
    late = f" (acknowledged until {entry.expires}: expired)" if entry is not None else ""
    failure = ET.SubElement(
        test,
        "failure",
        message=_safe(clean(finding.text, _WIDTH - len(late)) + late),
        type="regression",
    )
    failure.text = _safe(detail, 3 * _WIDTH)


def _safe(text: str, width: int = _WIDTH) -> str:
    """At most `width` characters, what XML 1.0 forbids replaced; ElementTree escapes the rest, `]]>` too."""
    return "".join(c if _allowed(ord(c)) else "\ufffd" for c in clean(text, width))


def _allowed(code: int) -> bool:
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code < 0x7F
        or code == 0x85
        or 0xA0 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
