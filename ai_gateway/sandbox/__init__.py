"""A provider for development and tests: it speaks OpenAI's and Anthropic's formats and answers by rules, not by AI.

``server`` is the ASGI application, ``wire`` the providers' formats, ``rules`` what it answers, and ``faults`` how it
misbehaves when told to. It needs no Django, no network and no key that means anything.
"""
