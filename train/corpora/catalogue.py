"""The corpora by name: what they are, where their publisher keeps them, and who reads them."""

from dataclasses import dataclass

from bench.errors import UsageError
from train.corpora import chat, glaive, hermes, seal_tools, toolace, when2call, xlam
from train.corpora.base import Converter

__all__ = ["CORPORA", "Corpus", "find_corpus"]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """hub: the publisher's id, None where a file or folder must be given; configs: parts read together.

    licence: as the publisher states it, `unknown` where that was not seen. unread: names of files in the
    publisher's folder that hold no rows.
    """

    name: str
    about: str
    licence: str
    convert: Converter
    hub: str | None = None
    configs: tuple[str, ...] = ()
    split: str = "train"
    unread: tuple[str, ...] = ()


_ALL = (
    Corpus(
        name="hermes-thinking",
        about="3,570 dialogues with a thought before each call (Hugging Face agents course)",
        licence="unknown",
        convert=hermes.convert,
        hub="Jofthomas/hermes-function-calling-thinking-V1",
    ),
    Corpus(
        name="hermes",
        about="single- and multi-turn dialogues with tool results (the set behind Hermes 2 Pro)",
        licence="Apache-2.0",
        convert=hermes.convert,
        hub="NousResearch/hermes-function-calling-v1",
        configs=("func_calling_singleturn", "func_calling", "glaive_func_calling"),
    ),
    Corpus(
        name="xlam",
        about="60,000 requests with verified calls of 3,673 APIs (gated: accept the terms first)",
        licence="CC-BY-4.0",
        convert=xlam.convert,
        hub="Salesforce/xlam-function-calling-60k",
    ),
    Corpus(
        name="xlam-irrelevance",
        about="7,500 requests that no offered tool fits; the replies are templates of ours",
        licence="CC-BY-4.0",
        convert=xlam.convert_irrelevance,
        hub="MadeAgents/xlam-irrelevance-7.5k",
    ),
    Corpus(
        name="toolace",
        about="11,300 dialogues over many APIs, with refusals",
        licence="Apache-2.0",
        convert=toolace.convert,
        hub="Team-ACE/ToolACE",
    ),
    Corpus(
        name="glaive",
        about="dialogues with results, many of them without a call",
        licence="Apache-2.0",
        convert=glaive.convert,
        hub="glaiveai/glaive-function-calling-v2",
    ),
    Corpus(
        name="mobile-actions",
        about="8,693 requests to a phone, for FunctionGemma; evaluation rows are left out",
        licence="unknown",
        convert=chat.convert_mobile_actions,
        hub="google/mobile-actions",
    ),
    Corpus(
        name="when2call",
        about="15,000 dialogues about when not to call (part train_sft; train_pref has calls, too)",
        licence="CC-BY-4.0",
        convert=when2call.convert,
        hub="nvidia/When2Call",
        configs=("train_sft",),
    ),
    Corpus(
        name="seal-tools",
        about="2,054 requests with gold calls of 4,076 tools, from a copy of its repository",
        licence="Apache-2.0",
        convert=seal_tools.convert,
        unread=("field.jsonl",),
    ),
    Corpus(
        name="openai",
        about="your own chat rows: messages and tools, as for OpenAI and TRL",
        licence="unknown",
        convert=chat.convert,
    ),
)
CORPORA = {corpus.name: corpus for corpus in _ALL}


def find_corpus(name: str) -> Corpus:
    """The corpus of that name. Errors: UsageError with the names there are."""
    if name not in CORPORA:
        raise UsageError(f"there is no corpus {name!r}", known=CORPORA)
    return CORPORA[name]
