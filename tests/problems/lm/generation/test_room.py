"""Room: what a layer returns is what one that copies returns."""

import pytest
import torch
from transformers import DynamicCache

from problems.lm.generation.room import give_room


def _states(tokens: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(4, 2, tokens, 3, generator=rng) for _ in range(2))
    return keys, values


@pytest.mark.parametrize("room", [1, 3, 10])
def test_tokens_are_kept_whether_there_is_room_or_not(room: int) -> None:
    copying, roomy = DynamicCache(), DynamicCache()
    for one in (copying, roomy):
        one.update(*_states(5, 0), 0)
    give_room(roomy, room)
    assert type(roomy.layers[0]) is not type(copying.layers[0])
    for step in range(1, 7):
        expected = copying.update(*_states(1, step), 0)
        found = roomy.update(*_states(1, step), 0)
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
        assert roomy.get_seq_length() == 5 + step


def test_rows_are_selected_with_their_room() -> None:
    copying, roomy = DynamicCache(), DynamicCache()
    for one in (copying, roomy):
        one.update(*_states(5, 0), 0)
    give_room(roomy, 4)
    for one in (copying, roomy):
        one.batch_select_indices(torch.tensor([2, 0]))
    keys, values = (part[:2] for part in _states(1, 1))
    expected, found = copying.update(keys, values, 0), roomy.update(keys, values, 0)
    assert found[0].shape == (2, 2, 6, 3)
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
