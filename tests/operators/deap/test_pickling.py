"""What is pickled draws from the shared states, and leaves DEAP's classes as they are."""

import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
from deap import base, creator, gp

from evollm import Budget, run
from evollm.algorithms import ea_simple
from evollm.executors import Processes
from operators.deap.pickling import packed, unpacked
from operators.deap.toolbox import from_toolbox
from tests.operators.deap.support_boxes import PSET, onemax, quartic


def copied(thing):
    return unpacked(packed(thing))


def test_global_random_functions_stay_global():
    assert copied(random.randint) == random.randint
    assert copied(partial(random.gauss, 0, 1)).func == random.gauss
    assert copied(np.random.normal) == np.random.normal
    assert copied(random.Random(3)).random() == random.Random(3).random()
    own = random.Random(4)
    assert copied(own.random)() == random.Random(4).random()


def test_created_classes_stay_themselves():
    assert copied(creator.Bits) is creator.Bits
    assert copied(creator.Tree) is creator.Tree
    assert creator.Bits([1]).fitness.weights == (1.0,)


def test_missing_and_other_classes_are_created():
    creator.create("Passing", base.Fitness, weights=(2.0,))
    data = packed(creator.Passing)
    del creator.Passing
    assert unpacked(data)((3.0,)).wvalues == (6.0,)
    del creator.Passing
    creator.create("Passing", base.Fitness, weights=(5.0,))
    assert unpacked(data).weights == (2.0,)
    del creator.Passing


def test_ephemeral_constants_stay_themselves():
    small = PSET.mapping["small"]
    before = small.func
    again = copied(PSET)
    assert again.mapping["small"] is small
    assert small.func is before
    assert gp.PrimitiveTree.from_string("add(x, x)", again)[0] == PSET.mapping["add"]


def test_another_process_draws_the_same():
    start = from_toolbox(quartic()).start
    code = (
        "import pickle, sys; start = pickle.loads(sys.stdin.buffer.read());"
        "print(start.vary([], 5, 3).genomes)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=packed(start),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.decode().strip() == str(start.vary([], 5, 3).genomes)


def test_worker_processes_score_a_toolbox():
    for box in (onemax(20), quartic()):
        parts = from_toolbox(box)
        flows = [ea_simple(parts.start, parts.mate, parts.mutate, size=6, seed=1) for _ in "ab"]
        alone = run(flows[0], parts.problem, budget=Budget(generations=1))
        found = run(
            flows[1], parts.problem, budget=Budget(generations=1), executor=Processes(workers=1)
        )
        assert found.usage.failed == 0
        assert found.dataframe().equals(alone.dataframe())
