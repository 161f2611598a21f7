"""How many examples of a property are drawn where it says so itself."""

from __future__ import annotations

from hypothesis import settings

#: what a property draws that says nothing, where no lines are counted
USUAL = 100


def examples(number: int, steps: int | None = None) -> settings:
    """`number` examples, of `steps` each when it is a machine; where lines are counted as many fewer as elsewhere."""
    now = settings.get_current_profile_name()
    profile = settings.get_profile(now)
    return settings(
        profile,
        max_examples=max(1, number * profile.max_examples // USUAL),
        stateful_step_count=min(steps or profile.stateful_step_count, profile.stateful_step_count),
        deadline=None,
    )
