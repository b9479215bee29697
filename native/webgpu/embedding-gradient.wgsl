// The sum of the rows of dRows that belong to the same id, into that row of a table of zeros. A workgroup looks at one
// place n: where the id has occurred before, another workgroup has it; else it adds up all places from n on, in their
// order, so that the sum's bits do not depend on who comes first.

struct Parameters {
  count: u32,
  size: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> ids: array<i32>; // [count]
@group(0) @binding(2) var<storage, read> dRows: array<f32>; // [count, size]
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>; // [table's rows, size]

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let n = workgroup.y * workgroups.x + workgroup.x;
  if (n >= p.count) {
    return;
  }
  let id = ids[n];
  for (var m = 0u; m < n; m++) {
    if (ids[m] == id) {
      return;
    }
  }
  for (var e = thread; e < p.size; e += 64u) {
    var sum = 0.0;
    for (var m = n; m < p.count; m++) {
      if (ids[m] == id) {
        sum += dRows[m * p.size + e];
      }
    }
    gradient[u32(id) * p.size + e] = sum;
  }
}
