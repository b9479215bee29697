"""A language model's perplexity in PyTorch, from what `sri export` wrote:

    sri export runs/ptb/lstm-lm/seed-0 --out lm
    python examples/pytorch/perplexity.py lm sentences.txt
"""

import math
import sys

import torch
from run_folder import read_ids, read_run

run, text = sys.argv[1:]
decoder, _ = read_run(run)
if decoder.initial is not None:
    sys.exit(f"{run}: no language model; of one with a code, reconstruction.py")
sentences = read_ids(f"{run}/vocabulary.txt", text)
with torch.no_grad():
    nll = sum(decoder(ids).item() for ids in sentences)
words = sum(len(ids) + 1 for ids in sentences)
print(f"{math.exp(nll / words):.6f}")
