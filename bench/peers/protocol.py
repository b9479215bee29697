"""What a peer is, whatever library it is written in: options, the fixed case that it must agree with, and the loop that
answers `chain`, `iter`, `lm` or `vae` on standard input with the seconds it took (see ../chain.js)."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "pytorch.json"
LEARNING_RATE, BETA1, BETA2, EPSILON, CLIP_NORM = 1e-3, 0.9, 0.999, 1e-8, 5.0
WEIGHT_RANGE, KL_WEIGHT = 0.1, 0.5


def parser(description):
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--shape", default="32,23,256,256,32,10000,20", help="B,T,E,H,Z,V,K")
    return arguments


def sizes_of(arguments):
    return dict(zip("BTEHZVK", map(int, arguments.shape.split(","))))


def keep_to(threads):
    """Lets this process have as many processors as it may have threads, for libraries that take all there are."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def step_sizes(steps):
    """s_k of the released code: a few large steps, then small ones."""
    return ([0.8, 0.7, 0.6, 0.5, 0.2, 0.2, 0.1, 0.1] + [0.05] * steps)[:steps]


def fixed_case():
    """Weights, a batch, and what their NLL is: the case `model` of the tests' fixtures."""
    return json.loads(FIXTURE.read_text())["model"]


def require_equal(name, value, wanted):
    if not abs(value - wanted) <= 2e-5 * max(1, abs(wanted)):
        sys.exit(f"{name} is {value}, and {wanted} in {FIXTURE.name}: this peer computes something else")


def answer(name, questions):
    """
    `questions` maps each question to a function that prepares it and returns the work to be timed. It is prepared, and
    asked once untimed, when it is asked for the first time: libraries compile then.
    """
    print(f"ready {name}", flush=True)
    prepared = {}
    for line in sys.stdin:
        question = line.strip()
        if question not in prepared:
            prepared[question] = questions[question]()
            prepared[question]()
        start = time.perf_counter()
        prepared[question]()
        print(f"{time.perf_counter() - start:.6f}", flush=True)
