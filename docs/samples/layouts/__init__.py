"""The layouts that make_samples.py draws a person's CV in."""
