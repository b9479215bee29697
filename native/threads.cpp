#include "threads.h"

#include <algorithm>

#include "context.h"

namespace sri {

int threadCount() { return process().threads; }

void setThreadCount(int threads) {
  // OMP_THREAD_LIMIT: a region would get no more, whatever it asks for.
  threads = std::min(threads, omp_get_thread_limit());
  process().threads = threads;
  // What the library uses for the products that it spreads over threads itself.
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
}

}  // namespace sri
