"""The level database: every layer at every level, built once and read by memory map.

- ``build``: The database built: block by block, each file once.
- ``calibration``: Calibration text on its way through the blocks.
- ``costs``: The bytes that a layer takes at a level.
- ``database``: The levels of a model's layers, read from their files.
- ``gptq``: Quantised weights whose errors later columns make up for.
- ``grid``: Grids of evenly spaced values, and rounding to nearest.
- ``hessian``: Second moments of inputs, their factors, and the error of changed weights.
- ``making``: All levels of a block's layers made.
- ``manifest``: What a database holds: its making, and the hash of each file.
- ``packing``: Small integers packed to their bits.
- ``pruning``: Magnitude, Wanda and SparseGPT, with exact numbers of zeros.
- ``settings``: How levels are made.
- ``stored``: A layer's weights at a level, as they are kept.
- ``sweep``: Columns changed one after another, which GPTQ and SparseGPT share.
"""
