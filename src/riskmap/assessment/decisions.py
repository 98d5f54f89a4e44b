"""Stub until the real one lands."""


class Decision: ...
