"""Tables: data sets, frames and files as rows of numbers with descriptions.

- ``archives``: The raw rows of data sets as text, from the installed packages that contain them.
- ``case``: A table split in three parts, with the problem on its training rows.
- ``categories``: Converts a frame's columns to numbers, and categories to codes by value.
- ``dataset``: Rows of numbers with descriptions of their columns.
- ``frames``: Tables from the user's frames, arrays and CSV files.
- ``samples``: Rows with targets, to which trees are fitted and on which they are scored.
- ``sheets``: The user's CSV files: separators, marks of missing values, types of columns.
- ``tables``: Data sets by name, from installed packages and our code books, without a network.
"""
