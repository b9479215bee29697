"""A language model, or an autoencoder, trained on in PyTorch, and back as a run:

    python examples/pytorch/finetune.py lm sentences.txt tuned --steps 20 --rate 0.1
    sri eval --run tuned --metric ppl
"""

import argparse
import sys

import torch
from run_folder import read_ids, read_run, write_run

parser = argparse.ArgumentParser()
parser.add_argument("run")
parser.add_argument("text")
parser.add_argument("out")
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--rate", type=float, default=0.1)
options = parser.parse_args()

decoder, encoder = read_run(options.run)
if decoder.initial is not None and encoder is None:
    sys.exit(f"{options.run}: has no encoder, which this takes its codes from")
sentences = read_ids(f"{options.run}/vocabulary.txt", options.text)
weights = [*decoder.parameters(), *(encoder.parameters() if encoder else [])]
optimizer = torch.optim.SGD(weights, lr=options.rate)
for _ in range(options.steps):
    optimizer.zero_grad()
    codes = (encoder(ids)[0] if encoder else None for ids in sentences)
    loss = sum(decoder(ids, z) for ids, z in zip(sentences, codes)) / len(sentences)
    loss.backward()
    optimizer.step()
write_run(options.run, options.out, decoder, encoder)
