"""A run of sri in PyTorch and back. Needs torch and nothing else; safetensors are simple enough to be read by hand.

A run folder, or what `sri export` writes, has the weights in `<select>.safetensors`, float32, under these names
(E word vector size, H hidden size, Z latent size, V vocabulary):

    decoder.wordVectors     [V, E]     nn.Embedding.weight
    decoder.wordKernel      [E, 4H]    columns E of nn.LSTM.weight_ih_l0, transposed
    decoder.latentKernel    [Z, 4H]    columns Z after them, transposed; absent of a language model
    decoder.recurrentKernel [H, 4H]    nn.LSTM.weight_hh_l0, transposed
    decoder.gateBias        [4H]       nn.LSTM.bias_ih_l0 + bias_hh_l0
    decoder.initialKernel   [Z, H]     h0 = z initialKernel + initialBias, c0 = 0; absent of a language model
    decoder.initialBias     [H]
    decoder.outputKernel    [V, H]     nn.Linear.weight
    decoder.outputBias      [V]        nn.Linear.bias

Gates are in PyTorch's order: input, forget, cell, output. Word ids are lines of vocabulary.txt, from 0; a sentence is read
from <s> (2) and ends in </s> (3); 1 is <unk>, 0 pads.
"""

import hashlib
import json
import shutil
import struct
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

UNK, START, END = 1, 2, 3


def read_safetensors(file):
    """Tensors by name, and the file's metadata."""
    data = Path(file).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    types = {"F32": torch.float32, "I32": torch.int32}
    tensors = {}
    for name, place in header.items():
        begin, end = place["data_offsets"]
        piece = bytearray(data[8 + length + begin : 8 + length + end])
        tensors[name] = torch.frombuffer(piece, dtype=types[place["dtype"]]).reshape(place["shape"])
    return tensors, metadata


def write_safetensors(file, tensors, metadata):
    header, pieces, place = {"__metadata__": metadata}, [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().to(torch.float32).contiguous()
        piece = bytes(tensor.flatten().view(torch.uint8).tolist())
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [place, place + len(piece)]}
        pieces.append(piece)
        place += len(piece)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    Path(file).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(pieces))


class Decoder(nn.Module):
    """p(x | z): an LSTM that starts from z and reads it beside every word; without z, a language model."""

    def __init__(self, vocabulary, word_vector, hidden, latent):
        super().__init__()
        self.words = nn.Embedding(vocabulary, word_vector)
        self.initial = nn.Linear(latent, hidden) if latent else None
        self.lstm = nn.LSTM(word_vector + latent, hidden)
        self.output = nn.Linear(hidden, vocabulary)

    def forward(self, ids, z=None):
        """NLL of one sentence in nats, its end counted. @param ids [words]; @param z [latent], None of a language model."""
        read = self.words(torch.tensor([START, *ids]))
        state = torch.zeros(1, self.lstm.hidden_size)
        if self.initial is not None:
            read = torch.cat([read, z.expand(len(read), -1)], 1)
            state = self.initial(z)[None]
        hidden, _ = self.lstm(read, (state, torch.zeros_like(state)))
        return F.cross_entropy(self.output(hidden), torch.tensor([*ids, END]), reduction="sum")


def to_torch(tensors):
    """A Decoder with a run's weights."""
    ours = {name.removeprefix("decoder."): value for name, value in tensors.items() if name.startswith("decoder.")}
    (vocabulary, word_vector), hidden = ours["wordVectors"].shape, len(ours["recurrentKernel"])
    latent = len(ours["latentKernel"]) if "latentKernel" in ours else 0
    decoder = Decoder(vocabulary, word_vector, hidden, latent)
    kernels = [ours["wordKernel"], *([ours["latentKernel"]] if latent else [])]
    weights = {
        "words.weight": ours["wordVectors"],
        "lstm.weight_ih_l0": torch.cat(kernels).t(),
        "lstm.weight_hh_l0": ours["recurrentKernel"].t(),
        "lstm.bias_ih_l0": ours["gateBias"],
        "lstm.bias_hh_l0": torch.zeros_like(ours["gateBias"]),
        "output.weight": ours["outputKernel"],
        "output.bias": ours["outputBias"],
    }
    if latent:
        weights |= {"initial.weight": ours["initialKernel"].t(), "initial.bias": ours["initialBias"]}
    decoder.load_state_dict(weights)
    return decoder


def from_torch(decoder):
    """A Decoder's weights under our names."""
    weights = decoder.state_dict()
    size = decoder.words.embedding_dim
    kernel = weights["lstm.weight_ih_l0"].t()
    ours = {
        "wordVectors": weights["words.weight"],
        "wordKernel": kernel[:size],
        "recurrentKernel": weights["lstm.weight_hh_l0"].t(),
        "gateBias": weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"],
        "outputKernel": weights["output.weight"],
        "outputBias": weights["output.bias"],
    }
    if decoder.initial is not None:
        ours["latentKernel"] = kernel[size:]
        ours |= {"initialKernel": weights["initial.weight"].t(), "initialBias": weights["initial.bias"]}
    return {f"decoder.{name}": value for name, value in ours.items()}


def weights_file(run):
    config = json.loads((Path(run) / "config.json").read_text())
    return Path(run) / f"{config['training']['select']}.safetensors"


def read_run(run):
    return to_torch(read_safetensors(weights_file(run))[0])


def write_run(run, out, decoder):
    """A copy of a run whose decoder is another: `sri eval --run OUT` measures it. What was measured of the old one stays behind."""
    tensors, metadata = read_safetensors(weights_file(run))
    out = Path(out)
    out.mkdir(parents=True)
    shutil.copy(Path(run) / "config.json", out)
    file = weights_file(out)
    write_safetensors(file, tensors | from_torch(decoder), metadata)
    # The manifest knows weights by their sum.
    manifest = json.loads((Path(run) / "manifest.json").read_text())
    manifest["weights"] = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest()}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def read_ids(vocabulary, text):
    """Each line's word ids. @param vocabulary vocabulary.txt; @param text a sentence a line, words apart by spaces."""
    ids = {word: number for number, word in enumerate(Path(vocabulary).read_text().split("\n"))}
    return [[ids.get(word, UNK) for word in line.split()] for line in Path(text).read_text().splitlines() if line.strip()]
