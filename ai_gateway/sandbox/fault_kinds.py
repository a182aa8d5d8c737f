"""The kinds of faults.

======================  ==============================================================================================
none                    behave: lets one request pass before the next fault
delay                   wait ``seconds`` before answering
slow_stream             wait ``seconds`` before each piece of text of a stream
hang                    never answer; with ``after_chunks``, stop in the middle of a stream
disconnect              close the connection without an answer
status                  answer with ``status`` in the provider's error format (``type``, ``code``, ``message``,
                        ``retry_after`` in seconds)
rate_limit              429 that may be tried again (``retry_after``, 1 s by default)
quota                   429 that may not: the account has run out of money (``code``)
overloaded              Anthropic's 529, OpenAI's 503
stream_cut              close the connection after ``after_chunks`` pieces of text (1 by default)
error_event             an error inside a stream that began with status 200, after ``after_chunks`` pieces
no_usage                report no usage
zero_usage              report a usage of zeros
cumulative_usage        report the usage so far with every chunk of a stream, as vLLM can be told to
extra_usage             report ``input_tokens`` and ``output_tokens`` more than counted, ``cached_tokens`` of the input
                        as cached and ``reasoning_tokens`` of the output as reasoning
garbage                 status 200 with a body that is no JSON (``content_type``)
bad_json_answer         a valid envelope around JSON that breaks the schema
truncated_answer        the answer stops halfway, as at the output limit
empty_answer            no text at all
======================  ==============================================================================================

A fault that needs a stream acts on the whole answer if there is none: ``stream_cut`` cuts the body, and ``error_event``
is like ``overloaded``.
"""

from typing import Literal

FaultKind = Literal[
    "none",
    "delay",
    "slow_stream",
    "hang",
    "disconnect",
    "status",
    "rate_limit",
    "quota",
    "overloaded",
    "stream_cut",
    "error_event",
    "no_usage",
    "zero_usage",
    "cumulative_usage",
    "extra_usage",
    "garbage",
    "bad_json_answer",
    "truncated_answer",
    "empty_answer",
]
