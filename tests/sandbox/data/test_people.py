from sandbox.data.people import WORDS
from sandbox.data.plans import PLANS


def test_every_language_of_the_plans_has_words() -> None:
    assert {plan.language for plan in PLANS} <= set(WORDS)
