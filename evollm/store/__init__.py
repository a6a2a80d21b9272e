"""The run directory: a record that survives a kill and from which a run goes on."""
