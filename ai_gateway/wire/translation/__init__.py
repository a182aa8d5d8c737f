"""Between chat completions and Anthropic's messages, where what is asked means the same in both.

What has no counterpart is refused by name, never dropped: sampling controls that the other side does not have, log
probabilities, several choices, thinking with its signatures, citations. Dropped is only what changes no answer: hints
for caching, metadata (Winnow's own) and values that say what is the default anyway.
"""

from ai_gateway.wire.translation.exchange import translate_chat, translate_messages

__all__ = ["translate_chat", "translate_messages"]
