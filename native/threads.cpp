#include "threads.h"

namespace sri {

namespace {
int chosen = 0;
}

int threadCount() {
  if (chosen == 0) chosen = omp_get_num_procs();
  return chosen;
}

void setThreadCount(int threads) {
  chosen = threads;
  // What the library uses for the products that it spreads over threads itself.
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
}

}  // namespace sri
