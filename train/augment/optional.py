"""missing_argument and invented_argument: everything that was said, and nothing that was not."""

from collections.abc import Iterator
from random import Random

from train.augment.case import Draft
from train.augment.draw import draw_request
from train.augment.offer import offered
from train.augment.requests import ask_twin, call_draft, drawn
from train.toolboxes import Library

__all__ = ["invented_argument", "missing_argument"]


def missing_argument(library: Library, rng: Random) -> Iterator[Draft]:
    """Requests that say many values, optional ones too; now and then a twin that says fewer."""
    tools = [t for t in library.tools if len(t.parameters) >= 3]
    request = drawn(rng, library, tools, share=0.25, optional=0.95)
    shown = offered(rng, library, [request.tool])
    yield call_draft(rng, library, request, category="all_said", tools=shown)
    said = [n for n in request.values if not request.tool.parameters[n].required]
    if said and rng.random() < 0.35:
        fewer = request.without(rng.choice(said))
        yield call_draft(rng, library, fewer, category="one_fewer", tools=shown)
    if rng.random() < 0.25 and (draft := ask_twin(rng, library, request, shown)):
        yield draft


def invented_argument(library: Library, rng: Random) -> Iterator[Draft]:
    """Tools with optional parameters of which the request says none; with twins that say one."""
    tool = rng.choice([t for t in library.tools if t.optional])
    request = drawn(rng, library, [tool], optional=0.0)
    shown = offered(rng, library, [tool])
    yield call_draft(rng, library, request, category="required_only", tools=shown)
    if rng.random() < 0.35:
        one = draw_request(rng, tool, optional=0.0, say=[rng.choice(tool.optional)])
        if one is not None:
            yield call_draft(rng, library, one, category="one_optional", tools=shown)
    if rng.random() < 0.25 and (draft := ask_twin(rng, library, request, shown)):
        yield draft
