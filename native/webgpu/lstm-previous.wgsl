// h_{t-1} of every token, from what the LSTM's forward pass leaves: o tanh(c) of the token before, and h_0 at the first. The
// outputs themselves may have a mask on them.
//
// Constants: H.
// uses activations.wgsl

struct Parameters {
  /** tokens rows H */
  count: u32,
  rows: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> initial: array<f32>; // [rows, H]
@group(0) @binding(2) var<storage, read> cells: array<f32>; // [tokens, rows, H]
@group(0) @binding(3) var<storage, read> activations: array<vec4f>; // [tokens, rows, H]
@group(0) @binding(4) var<storage, read_write> previous: array<f32>; // [tokens, rows, H]

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
  let width = p.rows * H;
  if (i < width) {
    previous[i] = initial[i];
  } else {
    previous[i] = activations[i - width].w * squash(cells[i - width]);
  }
}
