"""Pages for members under ``/c/<company>/``, and the public ones under ``/careers/<company>/``."""
