/** @file Which hardware a session runs on: ONNX Runtime's execution providers, by name. */
import ort from 'onnxruntime-node';

/** The hardware that a model runs on. Which of them there are depends on the system; `availableDevices` tells. */
export type Device = 'cpu' | 'webgpu' | 'cuda' | 'coreml' | 'dml';

/** Thrown when a model is to run on hardware that this system, or this build of ONNX Runtime, does not have. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** The devices that this build of ONNX Runtime knows; that one is known does not say that the machine has it. */
export function availableDevices(): Device[] {
  return ort.listSupportedBackends().map(({ name }) => name as Device);
}

/** @throws DeviceError if this build of ONNX Runtime does not know the device. */
export function requireDevice(device: Device): void {
  const known = availableDevices();
  if (known.includes(device)) return;
  throw new DeviceError(
    `device: this build of ONNX Runtime has ${known.join(', ')}, got '${device}'; choose one of them`,
  );
}

/** The error that ONNX Runtime's message stands for, if the machine lacks the device. */
export function deviceErrorOf(device: Device, error: Error): DeviceError | undefined {
  const isMissing = /adapter|no CUDA-capable device|cudaError|provider.*not (available|supported)/i.test(error.message);
  if (device === 'cpu' || !isMissing) return undefined;
  return new DeviceError(`device: '${device}' was not found on this machine: ${error.message.trim()}; use 'cpu'`, {
    cause: error,
  });
}
