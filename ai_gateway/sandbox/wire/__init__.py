"""The providers' formats: requests into ``Call``, ``Reply`` into bodies and streams."""
