// Products of a tile of ROWS rows with a tile of 64 columns, by 256 threads; what mat-mul.wgsl, token-nll.wgsl and
// token-nll-kernel-gradient.wgsl are built on. Both operands are read through functions of the including file:
//
//   rowValue(row, k), columnValue(column, k)  an element, 0 outside of the matrix
//   rowsAdjacent(), columnsAdjacent()         whether neighbouring rows (columns) lie side by side in memory, rather
//                                             than neighbouring k: threads then read along them
//
// A thread has 4 rows, as a vec4, by ROWS / 16 columns; thread % (ROWS / 4) says which rows. Sixteen k at a time pass
// through the workgroup's memory, so that an element is fetched once for the tile.
//
// Constants: ROWS, 16, 32 or 64.

const COLUMNS = 64u;
const DEPTH = 16u;
const THREADS = 256u;
/** Groups of 4 rows. */
const ROW_GROUPS = ROWS / 4u;
/** Columns of a thread. */
const OWN = ROWS / 16u;
/** Threads that share 4 rows: each has other columns. */
const LANES = THREADS / ROW_GROUPS;

var<workgroup> rowTile: array<vec4f, DEPTH * ROW_GROUPS>; // [k, rows / 4]
var<workgroup> columnTile: array<vec4f, DEPTH * COLUMNS / 4u>; // [k, columns / 4]

/**
 * sum over k of rowValue(firstRow + 4 (thread % ROW_GROUPS) + i, k) columnValue(firstColumn + thread / ROW_GROUPS * OWN + j, k),
 * component i of element j.
 */
fn tileProduct(firstRow: u32, firstColumn: u32, depth: u32, thread: u32) -> array<vec4f, OWN> {
  var sums: array<vec4f, OWN>;
  for (var j = 0u; j < OWN; j++) {
    sums[j] = vec4f(0.0);
  }
  let group = thread % ROW_GROUPS;
  let column = thread / ROW_GROUPS * OWN;
  for (var k0 = 0u; k0 < depth; k0 += DEPTH) {
    if (thread < DEPTH * ROW_GROUPS) {
      let k = select(thread % DEPTH, thread / ROW_GROUPS, rowsAdjacent());
      let g = select(thread / DEPTH, thread % ROW_GROUPS, rowsAdjacent());
      let row = firstRow + 4u * g;
      rowTile[k * ROW_GROUPS + g] = vec4f(
        rowValue(row, k0 + k),
        rowValue(row + 1u, k0 + k),
        rowValue(row + 2u, k0 + k),
        rowValue(row + 3u, k0 + k),
      );
    }
    let k = select(thread % DEPTH, thread / (COLUMNS / 4u), columnsAdjacent());
    let g = select(thread / DEPTH, thread % (COLUMNS / 4u), columnsAdjacent());
    let c = firstColumn + 4u * g;
    columnTile[k * (COLUMNS / 4u) + g] = vec4f(
      columnValue(c, k0 + k),
      columnValue(c + 1u, k0 + k),
      columnValue(c + 2u, k0 + k),
      columnValue(c + 3u, k0 + k),
    );
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let rows = rowTile[k * ROW_GROUPS + group];
      for (var j = 0u; j < OWN; j++) {
        sums[j] += rows * columnTile[k * (COLUMNS / 4u) + (column + j) / 4u][(column + j) % 4u];
      }
    }
    workgroupBarrier();
  }
  return sums;
}
