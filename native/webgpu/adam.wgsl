// Adam (Kingma and Ba 2015) in place, one pass over a parameter and its moments.

struct Parameters {
  count: u32,
  /** learningRate / (1 - beta1^t) */
  rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  /** 1 / (1 - beta2^t) */
  secondCorrection: f32,
  /** Multiplied onto the gradient (clipping). */
  scale: f32,
  /** 1 - beta1 and 1 - beta2, rounded once. */
  newness1: f32,
  newness2: f32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(3) var<storage, read_write> firstMoment: array<f32>;
@group(0) @binding(4) var<storage, read_write> secondMoment: array<f32>;

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
  let g = p.scale * gradient[i];
  let m = p.beta1 * firstMoment[i] + p.newness1 * g;
  let v = p.beta2 * secondMoment[i] + p.newness2 * g * g;
  firstMoment[i] = m;
  secondMoment[i] = v;
  parameter[i] -= p.rate * m / (sqrt(v * p.secondCorrection) + p.epsilon);
}
