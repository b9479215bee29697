// The mean of each matrix of a stack and its transpose, so that what should be symmetric is to the last bit.

struct Parameters {
  count: u32,
  size: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [stack, size, size]
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [stack, size, size]

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
  let column = i % p.size;
  let row = i / p.size % p.size;
  out[i] = 0.5 * (x[i] + x[i - row * p.size - column + column * p.size + row]);
}
