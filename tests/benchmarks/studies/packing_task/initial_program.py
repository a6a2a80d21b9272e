"""Online bin packing: which of the open bins an item goes into."""


# EVOLVE-BLOCK-START
def priority(item, room):
    left = room - item
    between = (left > 5) * (left < 30)
    return 0 - left / 150 - 0.1 * between


# EVOLVE-BLOCK-END
