// Keeps signal handlers off the threads that compute. A handler that runs in the midst of oneDNN's generated kernels
// (seen with 2.6 on AVX-512, in its sgemm above all) ends in a corrupted heap, as if they kept data below the stack
// pointer, beyond what a handler leaves alone. Handlers run for Ctrl-C, for a terminal that changes its size, and
// thousands of times a second under a sampling profiler. A held signal is delivered when the call is over.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace sri {

/** While it lives, this thread takes no signals but those that report its own faults; nor do threads it creates. */
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    sigfillset(&held);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&held, fault);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace sri
