// Gradients in the gates of each row, `[tokens, rows, width]`, added up over the rows that read the same sentence: row r
// reads sentence (firstRow + r) % batch.

struct Parameters {
  /** tokens batch width */
  count: u32,
  batch: u32,
  rows: u32,
  firstRow: u32,
  width: u32,
  /** Multiplied onto the sums. */
  factor: f32,
  /** Whether the sums are added to what is there. */
  accumulate: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [tokens, rows, width]
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [tokens, batch, width]

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
  let sentence = i / p.width % p.batch;
  let token = i / p.width / p.batch;
  var sum = 0.0;
  let first = (sentence + p.batch - p.firstRow % p.batch) % p.batch;
  for (var row = first; row < p.rows; row += p.batch) {
    sum += x[(token * p.rows + row) * p.width + i % p.width];
  }
  sum *= p.factor;
  if (p.accumulate != 0u) {
    sum += out[i];
  }
  out[i] = sum;
}
