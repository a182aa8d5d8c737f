"""Speech in tokens.

OpenAI counts ten tokens for a second that a model hears and twenty for one that it says ("Realtime: managing costs"):
one for each 100 ms and for each 50 ms.
"""

HEARD_TOKENS_PER_SECOND = 10
SAID_TOKENS_PER_SECOND = 20
# People say about three words a second, which take fewer tokens when they are written down.
WRITTEN_TOKENS_PER_SECOND = 10
