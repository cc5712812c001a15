"""Programs that measure tapegrad beside PyTorch and others. Run them from the repository root:

python -m benchmarks.train_step     # also: ops, memory, startup, scaling
python -m benchmarks.report         # the README's figures from what they wrote
"""
