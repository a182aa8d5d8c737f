"""The sandbox's answers: rules over the text of a prompt, with no model behind them.

``prompt_reading`` takes a hiring prompt apart, ``document`` turns a CV into lines with sections, ``cv_parse``,
``cv_analyze``, ``scoring`` and ``decision`` answer one step each, and ``dispatch`` picks among them.
"""
