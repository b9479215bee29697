"""JAX, asked what ../chain.js is asked; each question is one jitted function, words projected once a chain.

    python jax_peer.py [--threads 2] [--shape B,T,E,H,Z,V,K]
"""

from functools import partial

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
    keep_to,
    parser,
    require_equal,
    sizes_of,
    step_sizes,
)

arguments = parser(__doc__).parse_args()
keep_to(arguments.threads)

import jax  # noqa: E402  (it counts the processors when it is loaded)
import jax.numpy as jnp  # noqa: E402
from jax import lax, random  # noqa: E402


def lstm(gates, hidden, kernel):
    """Every h_t `[tokens, batch, hidden]` from what else there is in the gates `[tokens, batch, 4 hidden]`."""

    def step(state, words):
        hidden, cell = state
        i, f, g, o = jnp.split(words + hidden @ kernel, 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden

    return lax.scan(step, (hidden, jnp.zeros_like(hidden)), gates)[1]


def word_gates(weights, words, mask=1.0):
    return (weights["wordVectors"][words] * mask) @ weights["wordKernel"] + weights["gateBias"]


def nll(weights, gates, targets, z=None, mask=1.0):
    """NLL of the batch, nats; z `[batch, latent]`, or None for the language model."""
    kernel = weights["recurrentKernel"]
    if z is None:
        hidden = jnp.zeros((gates.shape[1], len(kernel)))
    else:
        gates = gates + z @ weights["latentKernel"]
        hidden = z @ weights["initialKernel"] + weights["initialBias"]
    logits = (lstm(gates, hidden, kernel) * mask) @ weights["outputKernel"].T + weights["outputBias"]
    wanted = jnp.take_along_axis(logits, targets[..., None], 2)[..., 0]
    return (jax.nn.logsumexp(logits, 2) - wanted).sum()


def encode(weights, targets):
    gates = word_gates(weights, targets)
    last = lstm(gates, jnp.zeros((gates.shape[1], len(weights["recurrentKernel"]))), weights["recurrentKernel"])[-1]
    return jnp.split(last @ weights["outputKernel"] + weights["outputBias"], 2, 1)


def anneal_vae_loss(weights, inputs, targets, noise, kl_weight, word_mask=1.0, output_mask=1.0):
    mean, log_variance = encode(weights["encoder"], targets)
    z = mean + jnp.exp(log_variance / 2) * noise
    decoder = weights["decoder"]
    kl = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum()
    return nll(decoder, word_gates(decoder, inputs, word_mask), targets, z, output_mask) + kl_weight * kl


def check():
    case = fixed_case()
    weights = {"decoder": {}, "encoder": {}}
    for name, value in case["weights"].items():
        part, own = name.split(".")
        weights[part][own] = jnp.array(value)
    inputs, targets, z, noise = (jnp.array(case[name]) for name in ("inputs", "targets", "z", "noise"))

    @jax.jit
    def values(weights):
        gates = word_gates(weights["decoder"], inputs)
        with_code, without = (nll(weights["decoder"], gates, targets, code) for code in (z, None))
        return with_code, without, anneal_vae_loss(weights, inputs, targets, noise, case["klWeight"])

    wanted = sum(case["nll"]), sum(case["languageModelNll"]), case["annealVaeLoss"] * len(z)
    for name, value, number in zip(("NLL", "NLL of LSTM-LM", "loss of Anneal-VAE"), values(weights), wanted):
        require_equal(name, value.item(), number)


check()
B, T, E, H, Z, V, K = (sizes_of(arguments)[name] for name in "BTEHZVK")
key = random.key(0)
sequence = random.randint(key, (T + 1, B), 4, V)
inputs, targets = sequence[:-1], sequence[1:]
RECURRENT = (
    ("wordVectors", (V, E)),
    ("wordKernel", (E, 4 * H)),
    ("recurrentKernel", (H, 4 * H)),
    ("gateBias", (4 * H,)),
)
LANGUAGE_MODEL = (*RECURRENT, ("outputKernel", (V, H)), ("outputBias", (V,)))
DECODER = (*LANGUAGE_MODEL, ("latentKernel", (Z, 4 * H)), ("initialKernel", (Z, H)), ("initialBias", (H,)))
ENCODER = (*RECURRENT, ("outputKernel", (H, 2 * Z)), ("outputBias", (2 * Z,)))


@partial(jax.jit, static_argnums=0)
def initial(shapes):
    return {
        name: random.uniform(random.fold_in(key, i), shape, minval=-WEIGHT_RANGE, maxval=WEIGHT_RANGE)
        for i, (name, shape) in enumerate(shapes)
    }


def masks(key):
    """The two dropout masks of one pass, at half."""
    words, outputs = random.split(key)
    return random.bernoulli(words, 0.5, (T, B, E)) * 2.0, random.bernoulli(outputs, 0.5, (T, B, H)) * 2.0


def chain(weights, key):
    start, drop, noise = random.split(key, 3)
    word_mask, output_mask = masks(drop)
    gates = word_gates(weights, inputs, word_mask)
    steps, normals = jnp.array(step_sizes(K)), random.normal(noise, (K, B, Z))
    slope = jax.grad(nll, argnums=3)

    def step(k, z):
        s = steps[k]
        return z - s**2 / 2 * (z + slope(weights, gates, targets, z, output_mask)) + s * normals[k]

    return lax.fori_loop(0, K, step, random.normal(start, (B, Z)))


def sri_loss(weights, key):
    of_chain, drop = random.split(key)
    # The chain's end is data to the update, and what leads to it need not be differentiated.
    z = chain(lax.stop_gradient(weights), of_chain)
    word_mask, output_mask = masks(drop)
    return nll(weights, word_gates(weights, inputs, word_mask), targets, z, output_mask) / B


def lm_loss(weights, key):
    word_mask, output_mask = masks(key)
    return nll(weights, word_gates(weights, inputs, word_mask), targets, None, output_mask) / B


def vae_loss(weights, key):
    noise, drop = random.split(key)
    return anneal_vae_loss(weights, inputs, targets, random.normal(noise, (B, Z)), KL_WEIGHT, *masks(drop)) / B


def iteration(loss):
    """One update by Adam of the clipped gradient, as a function of the weights, the moments, the step and a key."""

    def run(weights, first, second, t, key):
        value, gradient = jax.value_and_grad(loss)(weights, key)
        norm = jnp.sqrt(sum((part**2).sum() for part in jax.tree.leaves(gradient)))
        scale = jnp.minimum(1.0, CLIP_NORM / norm)
        gradient = jax.tree.map(lambda g: g * scale, gradient)
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g**2, second, gradient)

        def moved(weight, m, v):
            direction = (m / (1 - BETA1**t)) / (jnp.sqrt(v / (1 - BETA2**t)) + EPSILON)
            return weight - LEARNING_RATE * direction

        return jax.tree.map(moved, weights, first, second), first, second, value

    return jax.jit(run, donate_argnums=(0, 1, 2))


def prepare(loss, weights):
    def prepared():
        step = iteration(loss)
        own = weights()
        state = [own, jax.tree.map(jnp.zeros_like, own), jax.tree.map(jnp.zeros_like, own), 0]

        def run():
            state[3] += 1
            t = state[3]
            *state[:3], value = step(*state[:3], float(t), random.fold_in(key, t))
            jax.block_until_ready((state[0], value))

        return run

    return prepared


def prepare_chain():
    weights, jitted, count = initial(DECODER), jax.jit(chain), [0]

    def run():
        count[0] += 1
        jitted(weights, random.fold_in(key, count[0])).block_until_ready()

    return run


answer(
    f"jax {jax.__version__} {jax.devices()[0].platform}",
    {
        "chain": prepare_chain,
        "iter": prepare(sri_loss, lambda: initial(DECODER)),
        "lm": prepare(lm_loss, lambda: initial(LANGUAGE_MODEL)),
        "vae": prepare(vae_loss, lambda: {"encoder": initial(ENCODER), "decoder": initial(DECODER)}),
    },
)
