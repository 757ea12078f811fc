"""The conditions of two runs other than model and adapter: what differs is named, never passed over."""

from bench.records import Manifest

__all__ = ["differing", "told_only"]

_FIELDS = ("dialect", "shots", "engine", "engine_version", "dtype")
_SAMPLING = ("max_tokens", "temperature", "top_p", "seed")


def differing(a: Manifest, b: Manifest) -> list[str]:
    """Differences that forbid a comparison, in words: suites, dialect, examples, engine, sampling, mode."""
    found: list[str] = []
    suites_a = {(s.name, s.split): s for s in a.suites}
    for suite in b.suites:
        other = suites_a.get((suite.name, suite.split))
        if other is not None and other.hash != suite.hash:
            found.append(
                f"suite {suite.name}/{suite.split} ({other.hash[:12]} against {suite.hash[:12]})"
            )
    for name in _FIELDS:
        x, y = getattr(a, name), getattr(b, name)
        if x != y:
            found.append(f"{name.replace('_', ' ')} ({x} against {y})")
    for name in _SAMPLING:
        x, y = a.sampling.get(name), b.sampling.get(name)
        if x != y:
            found.append(f"{name.replace('_', ' ')} ({x} against {y})")
    modes = ["constrained" if m.sampling.get("constrained") else "free" for m in (a, b)]
    if modes[0] != modes[1]:
        found.append(f"calls ({modes[0]} against {modes[1]})")
    if a.samples != b.samples:
        found.append(f"samples ({a.samples} against {b.samples})")
    return found


def told_only(a: Manifest, b: Manifest) -> list[str]:
    """Differences that are named and forbid nothing: the machine, how the engine was set up on it, rescoring.

    The set-up differs between two loads that serve another number of adapters.
    """
    found = [f"device ({a.device} against {b.device})"] if a.device != b.device else []
    for name in sorted({*a.engine_settings, *b.engine_settings}):
        x, y = a.engine_settings.get(name), b.engine_settings.get(name)
        if x != y:
            found.append(f"engine's {name.replace('_', ' ')} ({x} against {y})")
    judged = [m.rescored.words if m.rescored else "the run's own" for m in (a, b)]
    if judged[0] != judged[1]:
        found.append(f"verdicts ({judged[0]} against {judged[1]})")
    return found
