"""ASGI entry point of the web server: the site, and the gateway for AI calls below ``/v1/``."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_asgi_application()  # sets Django up, which what is imported below needs

from ai_gateway.http.application import GatewayApplication  # noqa: E402
from tenants.api_keys import KeyRing  # noqa: E402

application = GatewayApplication(site, KeyRing())

# Garbage is looked for after so many new objects instead of 700, and not among all that was imported: otherwise a sixth
# of the processor time of a gateway's call goes into looking through what is alive. A call leaves few cycles.
_NEW_OBJECTS = 20_000
gc.freeze()
gc.set_threshold(_NEW_OBJECTS)
