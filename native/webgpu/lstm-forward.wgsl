// A whole sequence of the LSTM in one dispatch: the gates a_t = wordGates_t + latentGates + h_{t-1} kernel, then
// c_t = f c_{t-1} + i g and h_t = o tanh(c_t).
//
// A workgroup keeps G rows from the first token to the last, so that no step waits for another dispatch; h lives in its
// memory, twice, since every unit reads all of h_{t-1} while h_t is written. A thread has the units thread,
// thread + W, ...: all four gates of a unit are its own, so c needs no one else. The kernel streams from the cache, once
// a step for all G rows.
//
// Constants: H hidden units, G rows of a workgroup, W threads of a workgroup.
// uses activations.wgsl
// With recurrent-kernel.wgsl or recurrent-kernel-halves.wgsl: [H from, H to].

struct Parameters {
  tokens: u32,
  batch: u32,
  rows: u32,
  /** The number of row 0: row r reads sentence (firstRow + r) % batch. */
  firstRow: u32,
  /** Whether h_t is multiplied by the mask on its way out. */
  masked: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> wordGates: array<f32>; // [tokens, batch, 4 H]
@group(0) @binding(2) var<storage, read> latentGates: array<f32>; // [rows, 4 H]
@group(0) @binding(3) var<storage, read> initial: array<f32>; // [rows, H]
@group(0) @binding(5) var<storage, read> mask: array<f32>; // [tokens, batch, H]
@group(0) @binding(6) var<storage, read_write> outputs: array<f32>; // [tokens, rows, H]
@group(0) @binding(7) var<storage, read_write> cells: array<f32>; // [tokens, rows, H]
@group(0) @binding(8) var<storage, read_write> activations: array<vec4f>; // [tokens, rows, H]

/** h_{t-1} and h_t, which change places. */
var<workgroup> hidden: array<f32, 2u * G * H>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * G;
  for (var s = 0u; s < G; s++) {
    // Where rows run out, the last one is computed again and not written.
    let row = min(row0 + s, p.rows - 1u);
    for (var unit = thread; unit < H; unit += W) {
      hidden[s * H + unit] = initial[row * H + unit];
    }
  }
  workgroupBarrier();
  for (var t = 0u; t < p.tokens; t++) {
    let before = (t % 2u) * G * H;
    let now = G * H - before;
    for (var unit = thread; unit < H; unit += W) {
      var a: array<vec4f, G>;
      for (var s = 0u; s < G; s++) {
        let row = min(row0 + s, p.rows - 1u);
        let w = (t * p.batch + (p.firstRow + row) % p.batch) * 4u * H + unit;
        let l = row * 4u * H + unit;
        a[s] = vec4f(wordGates[w], wordGates[w + H], wordGates[w + 2u * H], wordGates[w + 3u * H])
          + vec4f(latentGates[l], latentGates[l + H], latentGates[l + 2u * H], latentGates[l + 3u * H]);
      }
      for (var k = 0u; k < H; k++) {
        let u = gateWeights(k * H + unit);
        for (var s = 0u; s < G; s++) {
          a[s] += hidden[before + s * H + k] * u;
        }
      }
      for (var s = 0u; s < G; s++) {
        let row = min(row0 + s, p.rows - 1u);
        let at = (t * p.rows + row) * H + unit;
        let gates = activate(a[s]);
        var c = gates.x * gates.z;
        if (t > 0u) {
          c += gates.y * cells[at - p.rows * H];
        }
        let h = gates.w * squash(c);
        hidden[now + s * H + unit] = h;
        if (row0 + s < p.rows) {
          var output = h;
          if (p.masked != 0u) {
            output *= mask[(t * p.batch + (p.firstRow + row) % p.batch) * H + unit];
          }
          cells[at] = c;
          activations[at] = gates;
          outputs[at] = output;
        }
      }
    }
    workgroupBarrier();
  }
}
