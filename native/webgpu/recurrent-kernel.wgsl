// The recurrent kernel, a unit's four gates side by side, as lstm-forward.wgsl and lstm-backward.wgsl lay it out.

@group(0) @binding(4) var<storage, read> kernel: array<vec4f>; // [H, H]

fn gateWeights(i: u32) -> vec4f {
  return kernel[i];
}
