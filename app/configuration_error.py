"""Settings that cannot be used. By itself, so that whoever tells of it need not load what reads settings."""


class ConfigurationError(Exception):
    """Settings that cannot be used. ``problems`` has a sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
