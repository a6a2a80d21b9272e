"""PromptQuine: prompts pruned by evolution; ``data`` holds tasks, examples and scores."""
