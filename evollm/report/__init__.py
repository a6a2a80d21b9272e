"""Reports: what a run directory holds, as text and as pictures."""
