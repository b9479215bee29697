// The elementary functions inside the loops, written without branches and without calls so that the compiler turns the
// loop around them into vector instructions of whatever width the machine has.
#pragma once

#include <cstdint>
#include <cstring>

namespace sri {

inline std::uint32_t bitsOf(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float floatOf(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/** e^x, relative error about 1e-7; x is clamped to [-87.3, 88.3], where the result is a normal number. */
inline float fastExp(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  // x = n ln 2 + r: adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits of the sum.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  // The polynomial is that of Cephes' expf.
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  // Unsigned, so that a negative n wraps as it should.
  return floatOf(bitsOf(p) + (bitsOf(shifted) << 23));
}

inline float fastSigmoid(float x) { return 1.0f / (1.0f + fastExp(-x)); }

/** Relative error about 1e-7, near 0 as elsewhere. */
inline float fastTanh(float x) {
  const float far = 1.0f - 2.0f / (1.0f + fastExp(x + x));
  // Close to 0 the difference above loses its digits; Cephes' polynomial in x^2.
  const float s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  const float near = p * (s * x) + x;
  return s < 0.390625f ? near : far;
}

/** The upper half of a float: eight bits of precision. */
using BFloat16 = std::uint16_t;

inline BFloat16 toBFloat16(float x) {
  const std::uint32_t bits = bitsOf(x);
  // To nearest, ties to even.
  return static_cast<BFloat16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/** Stores a number as an operand of the products: a float as it is, or rounded to BFloat16. */
inline void storeOperand(float* to, float x) { *to = x; }
inline void storeOperand(BFloat16* to, float x) { *to = toBFloat16(x); }

/** The number that an operand stands for. */
inline float loadOperand(float x) { return x; }
inline float loadOperand(BFloat16 x) { return floatOf(std::uint32_t{x} << 16); }

}  // namespace sri
