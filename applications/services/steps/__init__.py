"""The AI steps as durable work: rows that workers claim, execute and end.

A step's way: ``claiming`` → ``executing`` (``reading`` the CV, ``caps``, ``asking`` AI) → ``outcomes``; ``waiting``
wakes what waits for tokens or for tomorrow, and ``working`` is the loop that a worker runs.
"""
