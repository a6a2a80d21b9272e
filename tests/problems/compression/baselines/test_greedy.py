"""Greedy lowering against trying all single moves."""

import numpy as np
import pytest

from evollm.errors import EvollmError
from problems.compression.baselines.greedy import greedy
from problems.compression.evaluation.scorer import Scorer
from problems.compression.evaluation.stitched import Stitched
from problems.compression.kinds.depth import Depth
from problems.compression.kinds.quantization import Quantization
from problems.compression.layout import Genome
from problems.lm import load
from problems.lm.blocks import Blocks
from tests.problems.compression.evaluation.support_levels import Rounded, genomes, layout
from tests.problems.lm.support_tiny import folder

WINDOWS = np.random.default_rng(0).integers(5, 300, (4, 12))


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Blocks:
    path = tmp_path_factory.mktemp("greedy")
    return Blocks(load(folder(path, num_hidden_layers=4, initializer_range=0.2)))


def single(scorer: Scorer, genome: Genome, places: list[int]) -> int:
    """Return which of some units is best to lower."""
    children = []
    for place in places:
        child = genome.copy()
        child[place] -= 1
        children.append(child)
    return places[int(np.argmin([score.mean for score in scorer.score(children, WINDOWS)]))]


def test_sublayers_go_one_by_one(blocks: Blocks) -> None:
    space = Depth(0.5).space(blocks.linears)
    scorer = Scorer(Stitched(blocks, space.layout), batch=12)
    [like] = space.start.vary([], 1, 0).genomes
    genome = space.layout.tops.copy()
    for _ in range(4):
        dropped = (genome == 0).reshape(4, 2).sum(0)
        open_ = [i for i in range(8) if genome[i] and dropped[i % 2] < 2]
        genome[single(scorer, genome, open_)] -= 1
    assert greedy(scorer, WINDOWS, like).tolist() == genome.tolist()


def test_bits_meet_the_budget(blocks: Blocks) -> None:
    kind = Quantization(3.0, (2, 3, 4), group=16)
    space = kind.space(blocks.linears)
    scorer = Scorer(Stitched(blocks, space.layout, Rounded(blocks)))
    assert space.uniform is not None
    for together in (4, 9):
        found = greedy(scorer, WINDOWS, space.uniform, together=together)
        assert space.layout.cost(found) == space.budget
        assert (found != space.uniform).any()
    [ours, uniform] = scorer.score([found, space.uniform], WINDOWS)
    assert ours.mean < uniform.mean


def test_joint_levels_take_no_more_than_the_other_genome(blocks: Blocks) -> None:
    """The steps of bits are not equal here, so that a step may be left over."""
    units = layout(blocks, drop=True, bits=True)
    scorer = Scorer(Stitched(blocks, units, Rounded(blocks)))
    for like in genomes(units, 2):
        found = greedy(scorer, WINDOWS, like, rule="none", together=12)
        assert units.cost(found) <= units.cost(like)
        dropped = [units.dropped(one) & (units.owner < 0) for one in (found, like)]
        assert dropped[0].sum() >= dropped[1].sum()


def test_at_least_one_at_a_time(blocks: Blocks) -> None:
    scorer = Scorer(Stitched(blocks, layout(blocks, drop=True)))
    with pytest.raises(EvollmError, match="together"):
        greedy(scorer, WINDOWS, scorer.stitched.layout.tops, together=0)
