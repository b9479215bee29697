// A row for each index: `on` at its place, `off` elsewhere.

struct Parameters {
  total: u32,
  depth: u32,
  on: u32,
  off: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>; // [count, depth]

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (i < p.total) {
    out[i] = select(p.off, p.on, indices[i / p.depth] == i32(i % p.depth));
  }
}
