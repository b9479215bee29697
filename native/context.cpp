#include "context.h"

#include <omp.h>

#include "latent.h"
#include "signals.h"

namespace sri {

ProcessContext::ProcessContext() : threads(omp_get_num_procs()) {}
ProcessContext::~ProcessContext() = default;

ProcessContext& process() {
  static ProcessContext& shared = *new ProcessContext;
  return shared;
}

void runAlone(void (*body)(void*), void* state) {
  const SignalsHeld held;
  ProcessContext& shared = process();
  const std::lock_guard<std::mutex> lock(shared.lock);
  shared.products.begin();
  body(state);
  shared.products.throwIfFailed();
}

}  // namespace sri
