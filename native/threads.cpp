#include "threads.h"

#include "context.h"

namespace sri {

int threadCount() { return process().threads; }

void setThreadCount(int threads) {
  process().threads = threads;
  // What the library uses for the products that it spreads over threads itself.
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
}

}  // namespace sri
