"""Instances of OR-Library's uniform family by its published rule, and packing them online.

Items are whole numbers drawn uniformly from 20 to 100, bins hold 150.
"""

import importlib.util
import random
from collections import Counter

CAPACITY, SMALLEST, LARGEST = 150, 20, 100


def instance(items, seed):
    """Return the sizes of the items, in the order of their arrival."""
    rng = random.Random(f"uniform {items} {seed}")
    return [rng.randint(SMALLEST, LARGEST) for _ in range(items)]


def least(items):
    """Return a lower bound of the number of bins: all sizes together over a bin's."""
    return -(-sum(items) // CAPACITY)


def packed(items, priority):
    """Return how many bins it takes if each goes where the priority is highest.

    A bin is known by the room that is left in it; an empty one can always be opened.
    """
    rooms, bins, known = Counter(), 0, {}
    for item in items:
        if item not in known:
            known[item] = {}
        values = known[item]
        for room in (CAPACITY, *rooms):
            if room >= item and room not in values:
                values[room] = float(priority(item, room))
        fitting = [room for room in rooms if room >= item]
        best = max((*fitting, CAPACITY), key=lambda room: (values[room], -room))
        if best == CAPACITY:
            bins += 1
        else:
            rooms[best] -= 1
            if not rooms[best]:
                del rooms[best]
        if best > item:
            rooms[best - item] += 1
    return bins


def first_fit(items):
    """Return how many bins it takes if each goes into the first that has room."""
    bins = []
    for item in items:
        for i, room in enumerate(bins):
            if room >= item:
                bins[i] -= item
                break
        else:
            bins.append(CAPACITY - item)
    return len(bins)


def best_fit(items):
    """Return how many bins it takes if each goes where the least room is left."""
    return packed(items, lambda item, room: item - room)


def excess(instances, pack):
    """Return the bins beyond the lower bound in percent of it, on average."""
    return sum(100 * (pack(items) / least(items) - 1) for items in instances) / len(instances)


def loaded(path):
    """Return the priority function of a program."""
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.priority
