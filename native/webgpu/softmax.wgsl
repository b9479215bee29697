// The softmax of each row, or its logarithm, a workgroup a row.

struct Parameters {
  rows: u32,
  size: u32,
  logarithm: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [rows, size]
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [rows, size]

var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = workgroup.y * workgroups.x + workgroup.x;
  if (row >= p.rows) {
    return;
  }
  let start = row * p.size;
  var largest = x[start];
  for (var i = thread; i < p.size; i += 256u) {
    largest = max(largest, x[start + i]);
  }
  partial[thread] = largest;
  workgroupBarrier();
  for (var width = 128u; width > 0u; width /= 2u) {
    if (thread < width) {
      partial[thread] = max(partial[thread], partial[thread + width]);
    }
    workgroupBarrier();
  }
  largest = partial[0];
  // Every thread has read the maximum before its place is taken by a sum.
  workgroupBarrier();
  var sum = 0.0;
  for (var i = thread; i < p.size; i += 256u) {
    sum += exp(x[start + i] - largest);
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var width = 128u; width > 0u; width /= 2u) {
    if (thread < width) {
      partial[thread] += partial[thread + width];
    }
    workgroupBarrier();
  }
  sum = partial[0];
  let logSum = log(sum);
  for (var i = thread; i < p.size; i += 256u) {
    let shifted = x[start + i] - largest;
    if (p.logarithm != 0u) {
      out[start + i] = shifted - logSum;
    } else {
      out[start + i] = exp(shifted) / sum;
    }
  }
}
