"""The gateway over HTTP: an ASGI application for the addresses below ``/v1/``, thin because every call pays for it."""
