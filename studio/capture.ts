/** @file What the microphone and the camera take: up to ten seconds of sound as a WAV file, one picture as a JPEG file. Nothing stays behind; the devices are let go at once. */
import { wavOf } from './wav.ts';

/** The longest recording, in seconds. */
export const maxRecordingSeconds = 10;

/** A shorter recording is nothing to search by, in seconds. */
const minRecordingSeconds = 0.3;

/** What the model hears. */
const sampleRateHz = 16_000;

/** Why nothing could be taken. */
export type CaptureProblem = 'insecure' | 'denied' | 'no-device' | 'in-use' | 'unsupported' | 'too-short' | 'failed';

/** Thrown when nothing could be taken; the page explains the problem. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly problem: CaptureProblem;

  constructor(problem: CaptureProblem, options?: ErrorOptions) {
    super(problem, options);
    this.problem = problem;
  }
}

const problems: Readonly<Record<string, CaptureProblem>> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'no-device',
  OverconstrainedError: 'no-device',
  NotReadableError: 'in-use',
  AbortError: 'in-use',
};

/** Asks the person for a device. @throws CaptureError */
export async function openDevice(wanted: MediaStreamConstraints): Promise<MediaStream> {
  // Browsers hide their devices from pages that came over an open network.
  if (!window.isSecureContext) throw new CaptureError('insecure');
  if (navigator.mediaDevices === undefined) throw new CaptureError('unsupported');
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (cause) {
    throw new CaptureError(problems[(cause as DOMException).name] ?? 'failed', { cause });
  }
}

/** Lets a device go: its light goes out. */
export function letGo(stream: MediaStream | null | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** A recording under way. */
export interface Recording {
  /** Resolves when `stop` was called or the time is over. @throws CaptureError */
  readonly sound: Promise<File>;
  stop(): void;
  /** Ends it without a result; `sound` never resolves. */
  discard(): void;
}

/** Begins to record; the sound is taken as it is, for searches are for any sound, not for speech. @throws CaptureError */
export async function startRecording(): Promise<Recording> {
  if (typeof MediaRecorder === 'undefined') throw new CaptureError('unsupported');
  const asItIs = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await openDevice({ audio: asItIs });
  const recorder = new MediaRecorder(stream);
  const parts: Blob[] = [];
  recorder.addEventListener('dataavailable', ({ data }) => parts.push(data));
  let isDiscarded = false;
  const stop = () => {
    if (recorder.state !== 'inactive') recorder.stop();
  };
  const timer = setTimeout(stop, 1000 * maxRecordingSeconds);
  const sound = new Promise<File>((resolve, reject) => {
    recorder.addEventListener('error', () => reject(new CaptureError('failed')));
    recorder.addEventListener('stop', () => {
      clearTimeout(timer);
      letGo(stream);
      if (!isDiscarded) soundOf(new Blob(parts, { type: recorder.mimeType })).then(resolve, reject);
    });
  });
  recorder.start();
  return {
    sound,
    stop,
    discard() {
      isDiscarded = true;
      stop();
    },
  };
}

/** What the browser recorded, as a WAV file. */
async function soundOf(recorded: Blob): Promise<File> {
  let decoded: AudioBuffer;
  try {
    // Such a context decodes at its own rate, and needs no loudspeaker.
    decoded = await new OfflineAudioContext(1, 1, sampleRateHz).decodeAudioData(await recorded.arrayBuffer());
  } catch (cause) {
    throw new CaptureError(recorded.size === 0 ? 'too-short' : 'failed', { cause });
  }
  if (decoded.duration < minRecordingSeconds) throw new CaptureError('too-short');
  const mono = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const samples = decoded.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i]! += samples[i]! / decoded.numberOfChannels;
  }
  return new File([wavOf(mono, sampleRateHz)], 'recording.wav', { type: 'audio/wav' });
}

/** The present picture of a camera. @throws CaptureError */
export async function takePicture(video: HTMLVideoElement): Promise<File> {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.92));
  if (picture === null) throw new CaptureError('failed');
  return new File([picture], 'photo.jpg', { type: 'image/jpeg' });
}
