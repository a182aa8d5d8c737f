"""Write the text that the sandbox answers with."""

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from ai_gateway.sandbox.json_schema import is_valid, make_instance
from ai_gateway.sandbox.rules.dispatch import answer_by_rule
from ai_gateway.sandbox.tokens_count import count_tokens, cut_to_tokens

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class CalledTool:
    """A function that the answer must call, with arguments of its schema."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What a request asks, whatever format it came in.

    ``schema`` is None for plain text and {} for any JSON object. ``max_tokens`` None means no limit. ``tool`` is what
    must be called, ``spoken`` the answer where no rule is to be asked.
    """

    text: str
    schema: dict[str, Any] | None
    schema_name: str
    max_tokens: int | None
    tool: CalledTool | None = None
    spoken: str | None = None


@dataclass(frozen=True)
class Answer:
    """A text, its length in tokens, and whether it ended by itself or at the limit.

    With ``tool`` the text is the arguments of that tool's call.
    """

    text: str
    tokens: int
    finish: Finish
    tool: str = ""


def answer(question: Question) -> Answer:
    """Answer by rule, or with a small value of the schema, or in a sentence; raise ``NoInstance``."""
    if question.tool is not None:
        asked = replace(question, schema=question.tool.schema, schema_name=question.tool.name)
        return replace(limit(write_answer(asked), question.max_tokens), tool=question.tool.name)
    return limit(write_answer(question), question.max_tokens)


def limit(text: str, max_tokens: int | None) -> Answer:
    """Cut a text to the output limit."""
    tokens = count_tokens(text)
    if max_tokens is None or tokens <= max_tokens:
        return Answer(text, tokens, "stop")
    return Answer(cut_to_tokens(text, max_tokens), max_tokens, "length")


def write_answer(question: Question) -> str:
    """Write the whole answer; raise ``NoInstance`` for a schema that neither a rule nor the generator can meet."""
    if question.spoken is not None:
        return question.spoken
    if question.schema is None:
        words = len(question.text.split())
        return (
            "This is Winnow's sandbox. It answers by rules, not by AI, and knows only hiring prompts. "
            f"Your message has {words} words."
        )
    by_rule = answer_by_rule(question.schema_name, question.text)
    if by_rule is not None and is_valid(by_rule, question.schema):
        return json.dumps(by_rule, ensure_ascii=False)
    return json.dumps(make_instance(question.schema), ensure_ascii=False)
