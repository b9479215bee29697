// tfjs's CPU backend without its warning about being slow: whoever gets one of ours asked for it, or has a faster one
// built on top.

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { backend_util, DataType, TensorInfo } from '@tensorflow/tfjs-core';

export type DataId = TensorInfo['dataId'];

export class QuietCpuBackend extends MathBackendCPU {
  private issued = 0;

  override write(values: backend_util.BackendValues, _shape: number[], dtype: DataType): DataId {
    const dataId = this.newDataId();
    this.data.set(dataId, { values, dtype, refCount: 1 });
    return dataId;
  }

  /** The name of a tensor's data, for `this.data`. */
  protected newDataId(): DataId {
    return { id: this.issued++ };
  }
}
