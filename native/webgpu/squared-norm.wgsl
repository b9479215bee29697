// Sums of squares of pieces of an array, a workgroup a piece; reduce.wgsl adds up the pieces.

struct Parameters {
  count: u32,
  /** Numbers of a piece. */
  piece: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [pieces]

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let end = min((workgroup.x + 1u) * p.piece, p.count);
  var sum = 0.0;
  for (var i = workgroup.x * p.piece + thread; i < end; i += 256u) {
    sum += x[i] * x[i];
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var width = 128u; width > 0u; width /= 2u) {
    if (thread < width) {
      partial[thread] += partial[thread + width];
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    out[workgroup.x] = partial[0];
  }
}
