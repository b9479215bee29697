// How the addon uses the cores. A call opens one parallel region and stays in it: the work is cut into fixed shares by
// a worker's number, so a result depends on the number of threads and on nothing else, and workers meet at a barrier
// that gives the core away when it has to wait for long.
#pragma once

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace sri {

/** Threads that a parallel region gets; at first, one for each processor that the process may use. */
int threadCount();
/** So many, or as many as OpenMP's limit allows. */
void setThreadCount(int threads);

class Barrier {
 public:
  void wait(int count) {
    if (count == 1) return;
    const unsigned generation = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == count - 1) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(generation + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; generation_.load(std::memory_order_acquire) == generation; spins++) {
      // Some tens of microseconds cover a fair share's unevenness; beyond that another process has the other core.
      if (spins < kSpins) {
        pause();
      } else {
        sched_yield();
      }
    }
  }

 private:
  static constexpr int kSpins = 2000;

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> generation_{0};
};

struct Range {
  int begin;
  int end;
  int size() const { return end - begin; }
};

/** The `index`-th of `count` nearly equal contiguous shares of [0, total), cut at multiples of `granule`. */
inline Range shareOf(int total, int index, int count, int granule = 1) {
  const long long blocks = (static_cast<long long>(total) + granule - 1) / granule;
  const auto cut = [&](int i) { return static_cast<int>(std::min<long long>(total, blocks * i / count * granule)); };
  return {cut(index), cut(index + 1)};
}

/** One thread of a parallel region. */
struct Worker {
  int index;
  int count;
  Barrier* barrier;

  /** Returns when all workers of the region have called it. */
  void wait() const { barrier->wait(count); }
  Range share(int total, int granule = 1) const { return shareOf(total, index, count, granule); }

  /** Calls `body` with this worker's of so many shares, made for as many threads: where fewer come, one has several. */
  template <class Body>
  void forShares(int total, int shares, const Body& body) const {
    for (int i = index; i < shares; i += count) body(shareOf(total, i, shares));
  }
};

/** Calls `body(worker)` on each of `threads` threads. `body` must not throw. */
template <class Body>
void inParallel(int threads, const Body& body) {
  Barrier barrier;
#pragma omp parallel num_threads(threads)
  body(Worker{omp_get_thread_num(), omp_get_num_threads(), &barrier});
}

template <class Body>
void inParallel(const Body& body) {
  inParallel(threadCount(), body);
}

/** Threads worth waking for `elements` cheap steps. */
inline int threadsFor(std::size_t elements) { return elements < 32768 ? 1 : threadCount(); }

}  // namespace sri
