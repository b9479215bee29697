// The LSTM's nonlinearities. Arguments are clamped where the result is 1 to the last bit anyway: drivers that compute
// tanh and exp by fast formulas return NaN for large ones. NaN itself stays NaN.
//
// uses nan.wgsl

fn sigmoid(x: f32) -> f32 {
  return select(1.0 / (1.0 + exp(-clamp(x, -60.0, 60.0))), x, isNan(x));
}

fn squash(x: f32) -> f32 {
  return select(tanh(clamp(x, -15.0, 15.0)), x, isNan(x));
}

/** Gates in the order input, forget, candidate, output. */
fn activate(a: vec4f) -> vec4f {
  return vec4f(sigmoid(a.x), sigmoid(a.y), squash(a.z), sigmoid(a.w));
}

/** The derivatives of the gates' functions, from the functions' values. */
fn slopes(gates: vec4f) -> vec4f {
  return vec4f(
    gates.x * (1.0 - gates.x),
    gates.y * (1.0 - gates.y),
    1.0 - gates.z * gates.z,
    gates.w * (1.0 - gates.w),
  );
}
