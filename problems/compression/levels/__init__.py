"""The level database: every layer at every level, built once and read by memory map.

- ``costs``: The bytes that a layer takes at a level.
"""
