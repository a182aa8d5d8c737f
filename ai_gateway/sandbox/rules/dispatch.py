"""Pick the rule that answers a prompt."""

from collections.abc import Callable, Mapping
from typing import Any

from ai_gateway.sandbox.rules.cv_analyze import answer_cv_analyze
from ai_gateway.sandbox.rules.cv_parse import answer_cv_parse
from ai_gateway.sandbox.rules.decision import answer_decision
from ai_gateway.sandbox.rules.prompt_reading import HiringPrompt, read_hiring_prompt
from ai_gateway.sandbox.rules.scoring import answer_scoring

_RULES: Mapping[str, Callable[[HiringPrompt], dict[str, Any]]] = {
    "cv_parse": answer_cv_parse,
    "cv_analyze": answer_cv_analyze,
    "scoring": answer_scoring,
    "decision": answer_decision,
}


def answer_by_rule(schema_name: str, prompt_text: str) -> dict[str, Any] | None:
    """Answer a hiring prompt, or return None for a schema or a prompt that no rule is for."""
    rule, prompt = _RULES.get(schema_name), read_hiring_prompt(prompt_text)
    return rule(prompt) if rule and prompt else None
