// What a Langevin step does with z itself, a workgroup a row. First, where the step moves, the gradient in z from those
// in the latent gates and in h_0, and
//
//   z <- keep z + drift gradient + shake noise
//
// (keep 1 - s priorWeight, drift -s, shake temperature sqrt(2 s) is eq. 7 of Pang et al. 2021; keep 0, drift 1, shake 0
// leaves the gradient alone). Then, where the decoder is to run again, z's projections: the gates' part that is the
// same at every token, and h_0. Moving and projecting are one dispatch, so that a step of the chain has five.
//
// Constants: H, Z.

struct Parameters {
  rows: u32,
  moves: u32,
  projects: u32,
  /** Where in `z` the row's numbers are read, and where they are left, in numbers from its beginning. */
  from_: u32,
  to: u32,
  /** Where in `noise` this step begins. */
  noiseAt: u32,
  keep: f32,
  drift: f32,
  shake: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> latentKernel: array<f32>; // [Z, 4 H]
@group(0) @binding(2) var<storage, read> initialKernel: array<f32>; // [Z, H]
@group(0) @binding(3) var<storage, read> initialBias: array<f32>; // [H]
@group(0) @binding(4) var<storage, read> dLatentGates: array<f32>; // [rows, 4 H]
@group(0) @binding(5) var<storage, read> dInitial: array<f32>; // [rows, H]
@group(0) @binding(6) var<storage, read> noise: array<f32>; // [steps, rows, Z]
@group(0) @binding(7) var<storage, read_write> z: array<f32>; // [places, rows, Z]
@group(0) @binding(8) var<storage, read_write> latentGates: array<f32>; // [rows, 4 H]
@group(0) @binding(9) var<storage, read_write> initial: array<f32>; // [rows, H]

const THREADS = 256u;
/** Threads that add up one component of the gradient. */
const LANES = 16u;

var<workgroup> partial: array<f32, Z * LANES>;
var<workgroup> code: array<f32, Z>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = workgroup.y * workgroups.x + workgroup.x;
  if (row >= p.rows) {
    return;
  }
  if (p.moves == 0u) {
    for (var d = thread; d < Z; d += THREADS) {
      code[d] = z[p.from_ + row * Z + d];
    }
  } else {
    for (var i = thread; i < Z * LANES; i += THREADS) {
      let d = i / LANES;
      var sum = 0.0;
      for (var j = i % LANES; j < 4u * H; j += LANES) {
        sum += dLatentGates[row * 4u * H + j] * latentKernel[d * 4u * H + j];
      }
      for (var j = i % LANES; j < H; j += LANES) {
        sum += dInitial[row * H + j] * initialKernel[d * H + j];
      }
      partial[i] = sum;
    }
    workgroupBarrier();
    for (var d = thread; d < Z; d += THREADS) {
      var gradient = 0.0;
      for (var l = 0u; l < LANES; l++) {
        gradient += partial[d * LANES + l];
      }
      var moved = p.keep * z[p.from_ + row * Z + d] + p.drift * gradient;
      if (p.shake != 0.0) {
        moved += p.shake * noise[p.noiseAt + row * Z + d];
      }
      z[p.to + row * Z + d] = moved;
      code[d] = moved;
    }
  }
  if (p.projects == 0u) {
    return;
  }
  workgroupBarrier();
  for (var i = thread; i < 4u * H; i += THREADS) {
    var sum = 0.0;
    for (var d = 0u; d < Z; d++) {
      sum += code[d] * latentKernel[d * 4u * H + i];
    }
    latentGates[row * 4u * H + i] = sum;
  }
  for (var i = thread; i < H; i += THREADS) {
    var sum = initialBias[i];
    for (var d = 0u; d < Z; d++) {
      sum += code[d] * initialKernel[d * H + i];
    }
    initial[row * H + i] = sum;
  }
}
