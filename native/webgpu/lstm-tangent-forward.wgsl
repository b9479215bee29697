// The LSTM's derivative in every direction of z, along a sequence that lstm-forward.wgsl has gone through: h'_t and c'_t,
// as z moves along one axis. Row q = r Z + d is row r's derivative along axis d; the gates' and h_0's are rows d of the
// latent kernels.
//
// Rows and units are shared out as in lstm-forward.wgsl.
//
// Constants: H hidden units, Z latent dimensions, G rows of a workgroup, W threads of a workgroup.
// uses activations.wgsl

struct Parameters {
  tokens: u32,
  batch: u32,
  /** Those of lstm-forward.wgsl; Z times as many here. */
  rows: u32,
  firstRow: u32,
  /** Whether h'_t is multiplied by the mask on its way out. */
  masked: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> kernel: array<vec4f>; // [H from, H to]: a unit's four gates
@group(0) @binding(2) var<storage, read> latentKernel: array<f32>; // [Z, 4 H]
@group(0) @binding(3) var<storage, read> initialKernel: array<f32>; // [Z, H]
@group(0) @binding(4) var<storage, read> cells: array<f32>; // [tokens, rows, H]
@group(0) @binding(5) var<storage, read> activations: array<vec4f>; // [tokens, rows, H]
@group(0) @binding(6) var<storage, read> mask: array<f32>; // [tokens, batch, H]
@group(0) @binding(7) var<storage, read_write> dOutputs: array<f32>; // [tokens, rows Z, H]
@group(0) @binding(8) var<storage, read_write> dCells: array<f32>; // [tokens, rows Z, H]
@group(0) @binding(9) var<storage, read_write> dActivations: array<vec4f>; // [tokens, rows Z, H]

/** h'_{t-1} and h'_t, which change places. */
var<workgroup> hidden: array<f32, 2u * G * H>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * G;
  let count = p.rows * Z;
  for (var s = 0u; s < G; s++) {
    // Where rows run out, the last one is computed again and not written.
    let q = min(row0 + s, count - 1u);
    for (var unit = thread; unit < H; unit += W) {
      hidden[s * H + unit] = initialKernel[q % Z * H + unit];
    }
  }
  workgroupBarrier();
  for (var t = 0u; t < p.tokens; t++) {
    let before = (t % 2u) * G * H;
    let now = G * H - before;
    for (var unit = thread; unit < H; unit += W) {
      var a: array<vec4f, G>;
      for (var s = 0u; s < G; s++) {
        let l = min(row0 + s, count - 1u) % Z * 4u * H + unit;
        a[s] = vec4f(latentKernel[l], latentKernel[l + H], latentKernel[l + 2u * H], latentKernel[l + 3u * H]);
      }
      for (var k = 0u; k < H; k++) {
        let u = kernel[k * H + unit];
        for (var s = 0u; s < G; s++) {
          a[s] += hidden[before + s * H + k] * u;
        }
      }
      for (var s = 0u; s < G; s++) {
        let q = min(row0 + s, count - 1u);
        let at = (t * p.rows + q / Z) * H + unit;
        let to = (t * count + q) * H + unit;
        let gates = activations[at];
        let d = a[s] * slopes(gates);
        var dc = d.x * gates.z + gates.x * d.z;
        if (t > 0u) {
          dc += d.y * cells[at - p.rows * H] + gates.y * dCells[to - count * H];
        }
        let c = squash(cells[at]);
        let dh = d.w * c + gates.w * (1.0 - c * c) * dc;
        hidden[now + s * H + unit] = dh;
        if (row0 + s < count) {
          var output = dh;
          if (p.masked != 0u) {
            output *= mask[(t * p.batch + (p.firstRow + q / Z) % p.batch) * H + unit];
          }
          dCells[to] = dc;
          dActivations[to] = d;
          dOutputs[to] = output;
        }
      }
    }
    workgroupBarrier();
  }
}
