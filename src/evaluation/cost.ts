// What operations cost, in forward passes of the decoder over a token: the unit that plans count in.

/** What of a model decides how long a short run takes. */
export interface ModelSize {
  latentSize: number;
  /** Gradients of a short run; 0 where inference is another. */
  gradients: number;
}

/** The Hessian in a chain's Jacobian: of 32 dimensions it took as long as 46 passes. */
export function hessianPasses(latentSize: number): number {
  return 1.5 * latentSize;
}
