import torch

from problems.compression.export.packed import described, packed
from problems.compression.levels.stored import coded
from tests.support_each import each


@each("bits", (2, 3, 4, 8))
def test_words_hold_the_codes_from_the_lowest_bits(bits: int) -> None:
    torch.manual_seed(bits)
    codes = torch.randint(0, 2**bits, (3, 44))
    points = torch.randint(0, 2**bits, (3, 4))
    found = packed(coded(codes, torch.rand(3, 4), points, bits))
    each_word = 32 // bits
    words = found["weight_packed"].numpy().view("uint32")
    for row in range(3):
        for column in range(44):
            word = int(words[row, column // each_word])
            assert word >> column % each_word * bits & 2**bits - 1 == codes[row, column]
    down = found["weight_zero_point"].numpy().view("uint32")
    for row in range(3):
        for group in range(4):
            word = int(down[row // each_word, group])
            assert word >> row % each_word * bits & 2**bits - 1 == points[row, group]


def test_layers_of_equal_bits_and_groups_are_described_together() -> None:
    def layer(bits: int, groups: int) -> object:
        ones = torch.ones(2, 8, dtype=torch.int64)
        return coded(ones, torch.ones(2, groups), torch.ones(2, groups, dtype=torch.int64), bits)

    said = described({"a": layer(4, 2), "b": layer(8, 2), "c": layer(4, 2), "d": layer(4, 1)})
    groups = said["config_groups"]
    assert {name: group["targets"] for name, group in groups.items()} == {
        "bits_4_group_row": ["d"],
        "bits_4_group_4": ["a", "c"],
        "bits_8_group_4": ["b"],
    }
    assert groups["bits_4_group_row"]["weights"]["strategy"] == "channel"
