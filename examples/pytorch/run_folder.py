"""A run of sri in PyTorch and back. Needs torch and nothing else; safetensors are simple enough to be read by hand.

It is of runs with `model.decoder: lstm`. A run folder, or what `sri export` writes, has the weights in `<select>.safetensors`, float32, under these names
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

and, where a method has an encoder,

    encoder.wordVectors, encoder.wordKernel, encoder.recurrentKernel, encoder.gateBias   as the decoder's
    encoder.outputKernel    [H, 2Z]    nn.Linear.weight, transposed: of q(z | x) the mean, then log variance
    encoder.outputBias      [2Z]       nn.Linear.bias

Gates are in PyTorch's order: input, forget, cell, output. Word ids are lines of vocabulary.txt, from 0; a sentence is read
from <s> (2) and ends in </s> (3); 1 is <unk>, 0 pads. The encoder reads the words and </s>.
"""

import hashlib
import json
import shutil
import struct
import sys
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


class Encoder(nn.Module):
    """q(z | x): where the last state of an LSTM over the sentence puts it, or the mean or maximum of all states."""

    def __init__(self, vocabulary, word_vector, hidden, latent, pooling):
        super().__init__()
        self.words = nn.Embedding(vocabulary, word_vector)
        self.lstm = nn.LSTM(word_vector, hidden)
        self.output = nn.Linear(hidden, 2 * latent)
        self.pooling = pooling

    def forward(self, ids):
        """Mean and log variance, [latent] each, of one sentence."""
        hidden, _ = self.lstm(self.words(torch.tensor([*ids, END])))
        pooled = {"last": hidden[-1], "mean": hidden.mean(0), "max": hidden.amax(0)}[self.pooling]
        return self.output(pooled).chunk(2)


def part(tensors, name):
    """The tensors of a part, by their names in it."""
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}


def to_torch(tensors):
    """A Decoder with a run's weights."""
    ours = part(tensors, "decoder")
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


def encoder_to_torch(tensors, pooling="last"):
    """An Encoder with a run's weights; None of a run that has none. @param pooling its model.encoderPooling."""
    ours = part(tensors, "encoder")
    if not ours:
        return None
    (vocabulary, word_vector), (hidden, twice) = ours["wordVectors"].shape, ours["outputKernel"].shape
    encoder = Encoder(vocabulary, word_vector, hidden, twice // 2, pooling)
    encoder.load_state_dict(
        {
            "words.weight": ours["wordVectors"],
            "lstm.weight_ih_l0": ours["wordKernel"].t(),
            "lstm.weight_hh_l0": ours["recurrentKernel"].t(),
            "lstm.bias_ih_l0": ours["gateBias"],
            "lstm.bias_hh_l0": torch.zeros_like(ours["gateBias"]),
            "output.weight": ours["outputKernel"].t(),
            "output.bias": ours["outputBias"],
        }
    )
    return encoder


def encoder_from_torch(encoder):
    """An Encoder's weights under our names."""
    weights = encoder.state_dict()
    ours = {
        "wordVectors": weights["words.weight"],
        "wordKernel": weights["lstm.weight_ih_l0"].t(),
        "recurrentKernel": weights["lstm.weight_hh_l0"].t(),
        "gateBias": weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"],
        "outputKernel": weights["output.weight"].t(),
        "outputBias": weights["output.bias"],
    }
    return {f"encoder.{name}": value for name, value in ours.items()}


def weights_file(run):
    config = json.loads((Path(run) / "config.json").read_text())
    return Path(run) / f"{config['training']['select']}.safetensors"


def read_run(run):
    """A run's decoder, and its encoder or None; ends the program where the decoder is none of those that can be read."""
    tensors, _ = read_safetensors(weights_file(run))
    config = json.loads((Path(run) / "config.json").read_text())
    if config["method"] == "skip-vae":
        sys.exit(f"{run}: a run of skip-vae, whose decoder hears of the code at every word; this reads none of those")
    if config["model"]["decoder"] != "lstm":
        sys.exit(f"{run}: this reads runs with model.decoder: lstm, and no others")
    usual = "max" if config["method"] == "pooling-vae" else "last"
    return to_torch(tensors), encoder_to_torch(tensors, config["model"].get("encoderPooling", usual))


def write_run(run, out, decoder, encoder=None):
    """A copy of a run whose decoder, and encoder where it has one, are others: `sri eval --run OUT` measures it. What was
    measured of the old one stays behind."""
    tensors, metadata = read_safetensors(weights_file(run))
    out = Path(out)
    out.mkdir(parents=True)
    shutil.copy(Path(run) / "config.json", out)
    file = weights_file(out)
    changed = from_torch(decoder) | ({} if encoder is None else encoder_from_torch(encoder))
    write_safetensors(file, tensors | changed, metadata)
    # The manifest knows weights by their sum.
    manifest = json.loads((Path(run) / "manifest.json").read_text())
    manifest["weights"] = {file.stem: hashlib.sha256(file.read_bytes()).hexdigest()}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def read_ids(vocabulary, text):
    """Each line's word ids. @param vocabulary vocabulary.txt; @param text a sentence a line, words apart by spaces."""
    ids = {word: number for number, word in enumerate(Path(vocabulary).read_text().split("\n"))}
    return [[ids.get(word, UNK) for word in line.split()] for line in Path(text).read_text().splitlines() if line.strip()]
