// The second product of a softmax layer's tile: each of ROWS rows adds up the tile's columns, H numbers each, by
// weights of its own, and goes on doing so tile after tile. The weights lie in the workgroup's memory; the sums are in
// registers: a thread has the elements thread, thread + 256, ... of all rows.
//
// Constants: H, ROWS.
// uses tile.wgsl

/** Elements of a thread. */
const ELEMENTS = (H + THREADS - 1u) / THREADS;

var<workgroup> weights: array<vec4f, COLUMNS * ROW_GROUPS>; // [column, rows / 4]
var<private> weightedSums: array<vec4f, ELEMENTS * ROW_GROUPS>;

/** Adds the columns firstColumn .. firstColumn + count - 1, count at most 64. */
fn addWeighted(firstColumn: u32, count: u32, thread: u32) {
  for (var column = 0u; column < count; column++) {
    for (var e = 0u; e < ELEMENTS; e++) {
      let x = columnValue(firstColumn + column, e * THREADS + thread);
      for (var g = 0u; g < ROW_GROUPS; g++) {
        weightedSums[e * ROW_GROUPS + g] += x * weights[column * ROW_GROUPS + g];
      }
    }
  }
}

/** Element `e * 256 + thread` of the sum of a row of this workgroup. */
fn weightedSum(row: u32, e: u32) -> f32 {
  return weightedSums[e * ROW_GROUPS + row / 4u][row % 4u];
}
