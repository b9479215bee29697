// Sums and maxima of `[outer, size, inner]` over the middle axis. A workgroup has COLUMNS neighbouring outputs, each added
// up by 256 / COLUMNS threads: 1 for rows that lie in one piece, more where neighbouring outputs are neighbours in memory.
// The order of the sum is fixed by the shape.
//
// Constants: COLUMNS, a power of two up to 256.
// uses nan.wgsl

struct Parameters {
  outer: u32,
  size: u32,
  inner: u32,
  /** 0 sum, 1 maximum, 2 minimum, 3 the index of the first maximum, 4 product. */
  operation: u32,
  /** Multiplied onto a sum: 1 / size makes it a mean. */
  factor: f32,
  /** Whether the result is added to what is there. */
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

const LANES = 256u / COLUMNS;
/** Below any logit that is compared with it, for the index of a maximum. */
const LOWEST = -3.4028234e38;

var<workgroup> partial: array<f32, 256>;
var<workgroup> places: array<u32, 256>;

/** What changes nothing of a result: of a maximum or minimum, the first number itself, which may be infinite. */
fn neutral(first: f32) -> f32 {
  switch (p.operation) {
    case 0u: { return 0.0; }
    case 3u: { return LOWEST; }
    case 4u: { return 1.0; }
    default: { return first; }
  }
}

fn joined(a: f32, b: f32) -> f32 {
  switch (p.operation) {
    case 0u: { return a + b; }
    case 2u: { return smaller(a, b); }
    case 4u: { return a * b; }
    default: { return larger(a, b); }
  }
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let column = thread % COLUMNS;
  let lane = thread / COLUMNS;
  let output = (workgroup.y * workgroups.x + workgroup.x) * COLUMNS + column;
  var value = 0.0;
  var place = 0u;
  if (output < p.outer * p.inner) {
    let start = output / p.inner * p.size * p.inner + output % p.inner;
    var first = 0.0;
    if (p.size > 0u) {
      first = x[start];
    }
    value = neutral(first);
    for (var i = lane; i < p.size; i += LANES) {
      let v = x[start + i * p.inner];
      if (p.operation == 3u && (v > value || i == lane)) {
        place = i;
      }
      value = joined(value, v);
    }
  }
  partial[thread] = value;
  places[thread] = place;
  workgroupBarrier();
  for (var width = LANES / 2u; width > 0u; width /= 2u) {
    if (lane < width) {
      let other = thread + width * COLUMNS;
      if (p.operation == 3u) {
        let larger = partial[other] > partial[thread];
        let earlier = partial[other] == partial[thread] && places[other] < places[thread];
        // A lane beyond the axis's end has seen nothing.
        if (lane + width < p.size && (larger || earlier)) {
          places[thread] = places[other];
        }
      }
      partial[thread] = joined(partial[thread], partial[other]);
    }
    workgroupBarrier();
  }
  if (lane == 0u && output < p.outer * p.inner) {
    if (p.operation == 3u) {
      out[output] = bitcast<f32>(places[thread]);
    } else {
      var result = partial[thread] * p.factor;
      if (p.accumulate != 0u) {
        result += out[output];
      }
      out[output] = result;
    }
  }
}
