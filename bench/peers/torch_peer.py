"""PyTorch, asked what ../chain.js is asked: one short-run chain, one iteration of SRI, of LSTM-LM, of Anneal-VAE.

    python torch_peer.py official|latent|compile [--threads 2] [--device cpu] [--shape B,T,E,H,Z,V,K]

official  every step of the chain takes the gradient of every weight, and the update learns from all of them, as the
          authors' script does; torch.nn.LSTM
latent    the chain's gradients are with respect to z alone
compile   the same, words projected once a batch, the LSTM unrolled, all through torch.compile
lm and vae are the same in the first two.
"""

import torch
from protocol import (
    BETA1,
    BETA2,
    CLIP_NORM,
    EPSILON,
    KL_WEIGHT,
    LEARNING_RATE,
    WEIGHT_RANGE,
    answer,
    fixed_case,
    parser,
    require_equal,
    sizes_of,
    step_sizes,
)
from torch import nn
from torch.nn import functional as F

arguments = parser(__doc__)
arguments.add_argument("mode", choices=["official", "latent", "compile"])
arguments.add_argument("--device", default="cpu")
arguments = arguments.parse_args()
torch.set_num_threads(arguments.threads)
torch.set_default_device(arguments.device)
torch.manual_seed(0)


class Decoder(nn.Module):
    """p(x | z); with no latent dimensions the LSTM language model."""

    def __init__(self, V, E, H, Z):
        super().__init__()
        self.words = nn.Embedding(V, E)
        self.lstm = nn.LSTM(E + Z, H)
        self.initial = nn.Linear(Z, H) if Z > 0 else None
        self.output = nn.Linear(H, V)

    def forward(self, inputs, targets, z=None, rate=0.5):
        """NLL of the batch, nats; inputs and targets `[tokens, batch]`, z `[batch, latent]`."""
        read = F.dropout(self.words(inputs), rate)
        start = None
        if z is not None:
            read = torch.cat([read, z.expand(len(inputs), *z.shape)], 2)
            hidden = self.initial(z)[None]
            start = (hidden, torch.zeros_like(hidden))
        outputs = F.dropout(self.lstm(read, start)[0], rate)
        return F.cross_entropy(self.output(outputs).flatten(0, 1), targets.flatten(), reduction="sum")

    def word_gates(self, inputs, rate=0.5):
        """What the words and the biases add to the gates, `[tokens, batch, 4 hidden]`."""
        size = self.words.embedding_dim
        bias = self.lstm.bias_ih_l0 + self.lstm.bias_hh_l0
        return F.linear(F.dropout(self.words(inputs), rate), self.lstm.weight_ih_l0[:, :size], bias)

    def unrolled(self, gates, targets, z=None, rate=0.5, output_mask=None):
        """`forward` from `word_gates`, in operations that a compiler fuses; the mask, or dropout at the rate."""
        if z is None:
            hidden = gates.new_zeros(gates.shape[1], self.lstm.hidden_size)
        else:
            gates = gates + z @ self.lstm.weight_ih_l0[:, self.words.embedding_dim :].t()
            hidden = self.initial(z)
        outputs = F.dropout(unrolled_lstm(gates, hidden, self.lstm.weight_hh_l0), rate)
        if output_mask is not None:
            outputs = outputs * output_mask
        return F.cross_entropy(self.output(outputs).flatten(0, 1), targets.flatten(), reduction="sum")


class Encoder(nn.Module):
    """q(z | x): mean and log variance from the last state over the words and </s>."""

    def __init__(self, V, E, H, Z):
        super().__init__()
        self.words = nn.Embedding(V, E)
        self.lstm = nn.LSTM(E, H)
        self.output = nn.Linear(H, 2 * Z)

    def forward(self, targets):
        return self.output(self.lstm(self.words(targets))[0][-1]).chunk(2, 1)

    def unrolled(self, targets):
        lstm = self.lstm
        gates = F.linear(self.words(targets), lstm.weight_ih_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)
        hidden = gates.new_zeros(gates.shape[1], lstm.hidden_size)
        return self.output(unrolled_lstm(gates, hidden, lstm.weight_hh_l0)[-1]).chunk(2, 1)


def unrolled_lstm(gates, hidden, kernel):
    cell, outputs = torch.zeros_like(hidden), []
    for words in gates:
        i, f, g, o = (words + hidden @ kernel.t()).chunk(4, 1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        outputs.append(hidden)
    return torch.stack(outputs)


class AnnealVae(nn.Module):
    """The ELBO's two terms, the KL weighted; nats of the batch."""

    def __init__(self, V, E, H, Z):
        super().__init__()
        self.encoder, self.decoder = Encoder(V, E, H, Z), Decoder(V, E, H, Z)

    def forward(self, inputs, targets, noise, kl_weight, rate=0.5, unrolled=False):
        mean, log_variance = self.encoder.unrolled(targets) if unrolled else self.encoder(targets)
        z = mean + (log_variance / 2).exp() * noise
        if unrolled:
            nll = self.decoder.unrolled(self.decoder.word_gates(inputs, rate), targets, z, rate)
        else:
            nll = self.decoder(inputs, targets, z, rate)
        return nll + kl_weight * 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()


def load(module, weights, prefix):
    """Our weights under torch's names; one of the LSTM's two biases stays zero."""
    tensors = {name[len(prefix) :]: torch.tensor(value) for name, value in weights.items() if name.startswith(prefix)}
    with torch.no_grad():
        module.words.weight.copy_(tensors["wordVectors"])
        kernel = tensors["wordKernel"]
        if module.lstm.input_size > len(kernel):
            kernel = torch.cat([kernel, tensors["latentKernel"]])
            module.initial.weight.copy_(tensors["initialKernel"].t())
            module.initial.bias.copy_(tensors["initialBias"])
        module.lstm.weight_ih_l0.copy_(kernel.t())
        module.lstm.weight_hh_l0.copy_(tensors["recurrentKernel"].t())
        module.lstm.bias_ih_l0.copy_(tensors["gateBias"])
        module.lstm.bias_hh_l0.zero_()
        output = tensors["outputKernel"]
        # Ours has the encoder's output kernel as it multiplies from the right, the decoder's the other way about.
        module.output.weight.copy_(output if prefix == "decoder." else output.t())
        module.output.bias.copy_(tensors["outputBias"])


def check():
    """Both forms of both models against the fixed case."""
    case = fixed_case()
    inputs, targets, z, noise = (torch.tensor(case[name]) for name in ("inputs", "targets", "z", "noise"))
    weights = case["weights"]
    V, E = torch.tensor(weights["decoder.wordVectors"]).shape
    H, Z = len(weights["decoder.recurrentKernel"]), z.shape[1]
    vae, lm = AnnealVae(V, E, H, Z), Decoder(V, E, H, 0)
    load(vae.encoder, weights, "encoder.")
    load(vae.decoder, weights, "decoder.")
    load(lm, weights, "decoder.")
    nll, lm_nll, loss = sum(case["nll"]), sum(case["languageModelNll"]), case["annealVaeLoss"] * len(z)
    decoder = vae.decoder
    for name, value, wanted in [
        ("NLL", decoder(inputs, targets, z, 0), nll),
        ("unrolled NLL", decoder.unrolled(decoder.word_gates(inputs, 0), targets, z, 0), nll),
        ("NLL of LSTM-LM", lm(inputs, targets, rate=0), lm_nll),
        ("unrolled NLL of LSTM-LM", lm.unrolled(lm.word_gates(inputs, 0), targets, rate=0), lm_nll),
        ("loss of Anneal-VAE", vae(inputs, targets, noise, case["klWeight"], 0), loss),
        ("unrolled loss of Anneal-VAE", vae(inputs, targets, noise, case["klWeight"], 0, True), loss),
    ]:
        require_equal(name, value.item(), wanted)


check()
B, T, E, H, Z, V, K = (sizes_of(arguments)[name] for name in "BTEHZVK")
compiled = arguments.mode == "compile"
sequence = torch.randint(4, V, (T + 1, B))
inputs, targets = sequence[:-1], sequence[1:]


def learner(module):
    """The module with weights as training starts with them, and its update: clipping, then Adam."""
    weights = list(module.parameters())
    for weight in weights:
        weight.data.uniform_(-WEIGHT_RANGE, WEIGHT_RANGE)
    adam = torch.optim.Adam(weights, LEARNING_RATE, (BETA1, BETA2), EPSILON)

    def update(loss):
        loss.backward()
        nn.utils.clip_grad_norm_(weights, CLIP_NORM)
        adam.step()
        loss.item()

    return module, adam, update


def timed(work):
    """GPUs answer before they are done."""

    def run():
        work()
        if arguments.device.startswith("cuda"):
            torch.cuda.synchronize()

    return run


def chain_of(decoder):
    """Draws z_0 and runs the chain from it; returns z_K."""
    weights = list(decoder.parameters())
    unrolled = torch.compile(decoder.unrolled) if compiled else None

    def gradient(z):
        z.requires_grad_(True)
        if arguments.mode == "official":
            decoder(inputs, targets, z).backward()
            return z.grad
        return torch.autograd.grad(decoder(inputs, targets, z), z)[0]

    def run():
        z = torch.randn(B, Z)
        if arguments.mode != "official":
            for weight in weights:
                weight.requires_grad_(False)
        if compiled:
            gates = decoder.word_gates(inputs)
            mask = F.dropout(torch.ones(T, B, H))
        for s in step_sizes(K):
            if compiled:
                z.requires_grad_(True)
                slope = torch.autograd.grad(unrolled(gates, targets, z, 0.0, mask), z)[0]
            else:
                slope = gradient(z)
            z = (z - s * s / 2 * (z + slope) + s * torch.randn_like(z)).detach()
        for weight in weights:
            weight.requires_grad_(True)
        return z

    return run


def prepare_chain():
    return timed(chain_of(learner(Decoder(V, E, H, Z))[0]))


def prepare_iter():
    decoder, adam, update = learner(Decoder(V, E, H, Z))
    chain = chain_of(decoder)
    loss = torch.compile(lambda z: decoder.unrolled(decoder.word_gates(inputs), targets, z)) if compiled else None

    def run():
        # The gradients that the official chain leaves behind belong to the update.
        adam.zero_grad()
        z = chain()
        update((loss(z) if compiled else decoder(inputs, targets, z)) / B)

    return timed(run)


def prepare_lm():
    decoder, adam, update = learner(Decoder(V, E, H, 0))
    loss = torch.compile(lambda: decoder.unrolled(decoder.word_gates(inputs), targets)) if compiled else None

    def run():
        adam.zero_grad()
        update((loss() if compiled else decoder(inputs, targets)) / B)

    return timed(run)


def prepare_vae():
    vae, adam, update = learner(AnnealVae(V, E, H, Z))
    loss = torch.compile(vae) if compiled else vae

    def run():
        adam.zero_grad()
        update(loss(inputs, targets, torch.randn(B, Z), KL_WEIGHT, unrolled=compiled) / B)

    return timed(run)


answer(
    f"torch {torch.__version__} {arguments.mode} {arguments.device}",
    {"chain": prepare_chain, "iter": prepare_iter, "lm": prepare_lm, "vae": prepare_vae},
)
