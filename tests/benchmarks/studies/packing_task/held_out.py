"""Measures a priority, first fit and best fit on instances that the search did not see."""

from packing import best_fit, excess, first_fit, instance, loaded, packed

SIZES, INSTANCES, FIRST_SEED = (120, 250, 500, 1000), 20, 1000


def evaluate(program_path):
    priority = loaded(program_path)
    ways = {
        "program": lambda items: packed(items, priority),
        "first": first_fit,
        "best": best_fit,
    }
    found = {"combined_score": 0.0}
    for size in SIZES:
        instances = [instance(size, FIRST_SEED + number) for number in range(INSTANCES)]
        for name, pack in ways.items():
            found[f"{name}_{size}"] = excess(instances, pack)
    return found
