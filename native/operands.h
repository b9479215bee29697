// The left-hand sides of the products: floats as they are, or copies of them that are rounded to BFloat16. What is
// written once for either type of operand is run with the one that the weights were packed for.
#pragma once

#include <cstddef>
#include <type_traits>

#include "context.h"
#include "threads.h"
#include "vector-math.h"
#include "workspace.h"

namespace sri {

/** A `compute` of `body` with a value of the operand type of the precision. */
template <class Body>
void computeInOperandOf(Precision precision, const Body& body) {
  compute([&] {
    if (precision == Precision::f32) {
      body(float{});
    } else {
      body(BFloat16{});
    }
  });
}

/** Where operands go that come out as floats: the floats themselves, or memory of their own. */
template <class Operand>
Operand* operandsFor(float* floats, std::size_t count, Workspace& workspace) {
  if constexpr (std::is_same_v<Operand, float>) {
    return floats;
  } else {
    return workspace.take<Operand>(count);
  }
}

/** Floats as operands, rounded on all threads; null for null. */
template <class Operand>
const Operand* asOperands(const float* floats, std::size_t count, Workspace& workspace) {
  if constexpr (std::is_same_v<Operand, float>) {
    return floats;
  } else {
    if (floats == nullptr) return nullptr;
    Operand* operands = workspace.take<Operand>(count);
    inParallel(threadsFor(count), [&](const Worker& worker) {
      const std::size_t begin = count * worker.index / worker.count;
      const std::size_t end = count * (worker.index + 1) / worker.count;
#pragma omp simd
      for (std::size_t i = begin; i < end; i++) storeOperand(operands + i, floats[i]);
    });
    return operands;
  }
}

/** The floats that operands of `operandsFor` stand for. */
template <class Operand>
void toFloats(const Operand* operands, float* floats, std::size_t count) {
  if constexpr (!std::is_same_v<Operand, float>) {
    inParallel(threadsFor(count), [&](const Worker& worker) {
      const std::size_t begin = count * worker.index / worker.count;
      const std::size_t end = count * (worker.index + 1) / worker.count;
#pragma omp simd
      for (std::size_t i = begin; i < end; i++) floats[i] = loadOperand(operands[i]);
    });
  }
}

}  // namespace sri
