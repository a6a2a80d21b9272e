"""Tuning: a language model taught to be a better operator.

- ``adapter``: A trained adapter as a GGUF file, which llama.cpp's server loads.
- ``batches``: Examples as tokens, of which only the answer counts.
- ``checkpoint``: The folder of a training, from which it goes on after a kill.
- ``examples``: A prompt with its answer, and files of them.
- ``records``: Examples from the record of earlier runs: the answers that led to better children.
- ``settings``: How a model is trained.
- ``teaching``: What makes examples, ahead of the training and in other processes.
- ``train``: Low-rank adapters trained on examples, in torch.
"""
