// out = factor a b, or out += factor a b, for matrices as they lie or transposed, or for stacks of them, 64 x 64 numbers a
// workgroup.
//
// Constants: ROWS = 64.
// uses tile.wgsl

struct Parameters {
  m: u32,
  n: u32,
  k: u32,
  transposeA: u32,
  transposeB: u32,
  /** Numbers from one matrix of a stack to the next; 0 where all products share the matrix. */
  aStack: u32,
  bStack: u32,
  /** Where in the buffer `a` begins. */
  aStart: u32,
  accumulate: u32,
  factor: f32,
  /** Of the stack, the product of the first workgroup. */
  firstStack: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>; // [stacks, m, k], or [stacks, k, m]
@group(0) @binding(2) var<storage, read> b: array<f32>; // [stacks, k, n], or [stacks, n, k]
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // [stacks, m, n]

var<private> stack: u32;

fn rowsAdjacent() -> bool {
  return p.transposeA != 0u;
}

fn columnsAdjacent() -> bool {
  return p.transposeB == 0u;
}

fn rowValue(row: u32, k: u32) -> f32 {
  if (row < p.m && k < p.k) {
    return a[p.aStart + stack * p.aStack + select(row * p.k + k, k * p.m + row, p.transposeA != 0u)];
  }
  return 0.0;
}

fn columnValue(column: u32, k: u32) -> f32 {
  if (column < p.n && k < p.k) {
    return b[stack * p.bStack + select(k * p.n + column, column * p.k + k, p.transposeB != 0u)];
  }
  return 0.0;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  stack = p.firstStack + workgroup.z;
  let sums = tileProduct(workgroup.x * ROWS, workgroup.y * COLUMNS, p.k, thread);
  for (var i = 0u; i < 4u; i++) {
    let row = workgroup.x * ROWS + 4u * (thread % ROW_GROUPS) + i;
    for (var j = 0u; j < OWN; j++) {
      let column = workgroup.y * COLUMNS + thread / ROW_GROUPS * OWN + j;
      if (row < p.m && column < p.n) {
        let to = stack * p.m * p.n + row * p.n + column;
        var value = p.factor * sums[j][i];
        if (p.accumulate != 0u) {
          value += out[to];
        }
        out[to] = value;
      }
    }
  }
}
