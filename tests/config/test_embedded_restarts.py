from config.embedded.restarts import RestartPolicy


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_and_end() -> None:
    policy = RestartPolicy(Clock())
    delays = [policy.delay_after_death() for _ in range(7)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, None]


def test_old_deaths_are_forgiven() -> None:
    clock = Clock()
    policy = RestartPolicy(clock)
    for _ in range(6):
        policy.delay_after_death()
    clock.now = 121
    assert policy.delay_after_death() == 0.2
