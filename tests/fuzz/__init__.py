"""Fuzzing: what must hold for any bytes, tried by atheris for a while (``make fuzz``), and for the kept ones at each change."""
