// What all calls of a process share: the lock that lets one compute at a time, whatever thread of JavaScript it comes
// from, and what is kept from call to call because making it anew would cost more than the arithmetic.
#pragma once

#include <memory>
#include <mutex>

#include "product.h"
#include "workspace.h"

namespace sri {

struct LatentWeights;

/** Only the body of a `compute` may use it. */
struct ProcessContext {
  std::mutex lock;
  /** Threads of a parallel region; see threadCount. */
  int threads;
  Workspace workspace;
  ProductCache products;
  /** The last call's, in buffers that serve the next of the same shape. */
  std::unique_ptr<LatentWeights> latentWeights;

  ProcessContext();
  ~ProcessContext();
};

/** The process's. It is never destroyed: a worker may still compute while the process ends. */
ProcessContext& process();

void runAlone(void (*body)(void*), void* state);

/**
 * Runs `body` while no other call computes and no signal interrupts this thread. Nothing in it may call JavaScript,
 * which could ask for another computation and wait for this one forever: arguments are read before.
 *
 * @throws what `body` throws, and std::runtime_error if a product in it failed.
 */
template <class Body>
void compute(Body body) {
  runAlone([](void* state) { (*static_cast<Body*>(state))(); }, &body);
}

}  // namespace sri
