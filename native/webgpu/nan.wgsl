// NaN, which WGSL leaves to the driver: max, min and clamp may drop it, and a diverged number would come out as a likely one.

/** By the bits: a compiler that takes every number for finite may fold `x != x` to false. */
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

/** The larger of two, or NaN where either is. */
fn larger(x: f32, y: f32) -> f32 {
  return select(select(max(x, y), y, isNan(y)), x, isNan(x));
}

/** The smaller of two, or NaN where either is. */
fn smaller(x: f32, y: f32) -> f32 {
  return select(select(min(x, y), y, isNan(y)), x, isNan(x));
}
