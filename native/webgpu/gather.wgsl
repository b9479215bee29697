// Rows of a table by index. `[outer, rows, inner]` by `[count]` gives `[outer, count, inner]`; an index outside of the
// table gives zeros.

struct Parameters {
  total: u32,
  rows: u32,
  count: u32,
  inner: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<i32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (workgroup.y * workgroups.x + workgroup.x) * 256u + thread;
  if (i >= p.total) {
    return;
  }
  let outer = i / (p.inner * p.count);
  let index = indices[i / p.inner % p.count];
  var value = 0u;
  if (index >= 0 && u32(index) < p.rows) {
    value = table[(outer * p.rows + u32(index)) * p.inner + i % p.inner];
  }
  out[i] = value;
}
