// One number in, one number out. Which function it is comes with the parameters: all of them together are one shader, and
// the branch is the same for every thread. Numbers are 32 bits whatever they mean; a truth value is the integer 0 or 1.
//
// uses activations.wgsl

struct Parameters {
  count: u32,
  operation: u32,
  /** A function's own numbers, such as the limits of ClipByValue. */
  first: f32,
  second: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

/** log(1 + exp(v)); log loses what is far smaller than the 1 beside it, where two terms of its series are exact. */
fn softplus(v: f32) -> f32 {
  let e = exp(-abs(v));
  return max(v, 0.0) + select(log(1.0 + e), e - 0.5 * e * e, e < 0.001);
}

fn onFloat(v: f32) -> f32 {
  // As of every function here; max, sign and clamp may make a number of it.
  if (isNan(v)) {
    return v;
  }
  switch (p.operation) {
    case 0u: { return -v; }
    case 1u: { return exp(v); }
    case 2u: { return log(v); }
    case 3u: { return squash(v); }
    case 4u: { return sigmoid(v); }
    case 5u: { return v * v; }
    case 6u: { return sqrt(v); }
    case 7u: { return 1.0 / sqrt(v); }
    case 8u: { return abs(v); }
    case 9u: { return 1.0 / v; }
    case 10u: { return max(v, 0.0); }
    case 11u: { return softplus(v); }
    case 12u: { return sign(v); }
    case 13u: { return clamp(v, p.first, p.second); }
    case 14u: { return select(p.first, 1.0, v > 0.0); }
    default: { return v; }
  }
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (i >= p.count) {
    return;
  }
  let bits = x[i];
  switch (p.operation) {
    case 100u: { out[i] = bitcast<u32>(i32(bitcast<f32>(bits))); } // float to integer
    case 101u: { out[i] = bitcast<u32>(f32(bitcast<i32>(bits))); } // integer or truth value to float
    case 102u: { out[i] = u32(bitcast<f32>(bits) != 0.0); } // float to truth value
    case 103u: { out[i] = u32(bits != 0u); } // integer to truth value
    case 104u: { out[i] = u32(bits == 0u); } // not
    case 105u: { out[i] = bitcast<u32>(-bitcast<i32>(bits)); } // of an integer
    default: { out[i] = bitcast<u32>(onFloat(bitcast<f32>(bits))); }
  }
}
