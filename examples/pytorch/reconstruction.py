"""How well a model with an encoder says sentences back from its codes, the means of q(z | x): nats a sentence, in PyTorch.
Of an autoencoder it is what `sri eval --metric recon` measures.

    sri export runs/ptb/ae/seed-0 --out ae
    python examples/pytorch/reconstruction.py ae sentences.txt
"""

import sys

import torch
from run_folder import read_ids, read_run

run, text = sys.argv[1:]
decoder, encoder = read_run(run)
if encoder is None:
    sys.exit(f"{run}: has no encoder, which this takes its codes from")
sentences = read_ids(f"{run}/vocabulary.txt", text)
with torch.no_grad():
    nll = sum(decoder(ids, encoder(ids)[0]).item() for ids in sentences)
print(f"{nll / len(sentences):.6f}")
