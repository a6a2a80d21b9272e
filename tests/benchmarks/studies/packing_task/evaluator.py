"""Scores a priority by the bins it takes on a few instances of the uniform family."""

from packing import excess, instance, loaded, packed

TRAINING = [instance(size, seed) for size, count in ((120, 10), (250, 10), (500, 6))
            for seed in range(count)]  # fmt: skip


def evaluate(program_path):
    priority = loaded(program_path)
    percent = excess(TRAINING, lambda items: packed(items, priority))
    return {"combined_score": -percent, "artifacts": {"excess": f"{percent:.3f}% more bins"}}
