/**
 * @file Frames of a video about so many times a second, or its key frames, with as little decoding as that takes: a key frame near the moment is taken as it is, stretches that
 * no wanted frame needs are jumped over, and frames that no other refers to are not decoded. Moments are therefore near those asked for, not the same;
 * `readFrames` gives exact ones.
 */
import type { EncodedPacket, EncodedPacketSink } from 'mediabunny';
import type { FrameSelection } from './frame-selection.ts';

/** What `sparseFrames` works with, in the process that decodes. */
export interface SparseSource {
  readonly sink: EncodedPacketSink;
  readonly config: VideoDecoderConfig;
  /** When the first frame begins and the last one ends, on the container's clock. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly Decoder: typeof VideoDecoder;
  readonly isDisposable: typeof isDisposable;
}

/** A frame, and whether it is a key frame; coders put those where the picture changes. */
export interface SparseFrame {
  readonly frame: VideoFrame;
  /** When it begins, on the container's clock. */
  readonly timeSeconds: number;
  readonly isKey: boolean;
}

/**
 * Decoded frames in the order of time; close each. It must use nothing but its arguments: its text is also sent to the process of `video-program.ts`.
 * @throws Error with the moment if a part cannot be read or decoded, after the frames before it.
 */
export async function* sparseFrames(
  source: SparseSource,
  selection: Extract<FrameSelection, { framesPerSecond: number } | { keyFrames: true }>,
): AsyncGenerator<SparseFrame> {
  const { sink, config, startSeconds, endSeconds, Decoder } = source;
  // Frames at rates above this are too near each other for a neighbour to stand in.
  const dropsDisposable = 'framesPerSecond' in selection && selection.framesPerSecond <= 4;

  /** Packets in the order of decoding, and which of them show a wanted frame; undefined where that is seen when they are decoded. */
  async function* packets(): AsyncGenerator<{ packet: EncodedPacket; isWanted: boolean | undefined }> {
    const verified = { verifyKeyPackets: true };
    const first = await sink.getFirstKeyPacket(verified);
    if ('keyFrames' in selection) {
      for (let key = first; key !== null; key = await sink.getNextKeyPacket(key, verified)) {
        yield { packet: key, isWanted: true };
      }
      return;
    }
    if (!dropsDisposable) {
      for (let packet = first; packet !== null; packet = await sink.getNextPacket(packet)) {
        yield { packet, isWanted: undefined };
      }
      return;
    }
    const step = 1 / selection.framesPerSecond;
    let last: EncodedPacket | undefined;
    let key = first;
    let lastWanted = Number.NEGATIVE_INFINITY;
    for (let i = 0; startSeconds + i * step < Math.max(endSeconds, startSeconds + 1e-9); i++) {
      const moment = startSeconds + i * step;
      if (moment <= lastWanted) continue;
      const near = await sink.getKeyPacket(moment + step * 0.499, { metadataOnly: true });
      let packet: EncodedPacket | null = null;
      if (near !== null && last !== undefined && near.sequenceNumber > last.sequenceNumber) {
        // What lies between is needed by no frame from here on.
        packet = await sink.getKeyPacket(near.timestamp, verified);
        if (packet !== null && packet.sequenceNumber <= last.sequenceNumber) packet = null;
      }
      packet ??= last === undefined ? first : await sink.getNextPacket(last);
      for (; packet !== null; packet = await sink.getNextPacket(packet)) {
        last = packet;
        if (packet.type === 'key') key = packet;
        // Frames before a key frame may refer to what was jumped over.
        else if (packet.timestamp < key!.timestamp || source.isDisposable(packet.data, config)) continue;
        const early = packet === key ? step * 0.501 : 1e-6;
        const isWanted: boolean = packet.timestamp >= moment - early && packet.timestamp > lastWanted;
        yield { packet, isWanted };
        if (!isWanted) continue;
        lastWanted = packet.timestamp;
        break;
      }
      if (packet === null) return;
    }
  }

  // The decoder gives frames in the order of time, but not with their own times.
  const fed: { readonly timestamp: number; readonly isWanted: boolean | undefined; readonly isKey: boolean }[] = [];
  const ready: SparseFrame[] = [];
  let nextMoment = Number.NEGATIVE_INFINITY;
  let at = startSeconds;
  let failure: Error | undefined;
  let wake = () => {};
  const decoder = new Decoder({
    output: (frame) => {
      const packet = fed.shift();
      const { timestamp = 0, isKey = false } = packet ?? {};
      const isWanted = packet?.isWanted ?? timestamp >= nextMoment;
      if (isWanted) {
        ready.push({ frame, timeSeconds: timestamp, isKey });
        if ('framesPerSecond' in selection) {
          const { framesPerSecond } = selection;
          // Times are rounded in containers.
          nextMoment =
            startSeconds +
            (Math.floor((timestamp - startSeconds) * framesPerSecond + 1e-3) + 1 - 1e-3) / framesPerSecond;
        }
      } else frame.close();
      wake();
    },
    error: (error) => {
      failure ??= error;
      wake();
    },
  });
  decoder.ondequeue = () => wake();
  const change = () =>
    new Promise<void>((resolve) => {
      // Events may be merged or come before anybody waits for them.
      const timer = setTimeout(resolve, 20);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  try {
    decoder.configure(config);
    try {
      for await (const { packet, isWanted } of packets()) {
        if (failure !== undefined) break;
        at = packet.timestamp;
        let place = fed.length;
        while (place > 0 && fed[place - 1]!.timestamp > packet.timestamp) place -= 1;
        fed.splice(place, 0, { timestamp: packet.timestamp, isWanted, isKey: packet.type === 'key' });
        decoder.decode(packet.toEncodedVideoChunk());
        while (failure === undefined && decoder.decodeQueueSize > 10) {
          if (ready.length > 0) yield ready.shift()!;
          else await change();
        }
        while (ready.length > 0) yield ready.shift()!;
      }
    } catch (error) {
      failure ??= error as Error;
    }
    let isFlushed = failure !== undefined && decoder.state !== 'configured';
    if (!isFlushed) {
      decoder.flush().then(
        () => {
          isFlushed = true;
          wake();
        },
        (error: Error) => {
          failure ??= error;
          isFlushed = true;
          wake();
        },
      );
    }
    while (!isFlushed || ready.length > 0) {
      if (ready.length > 0) yield ready.shift()!;
      else await change();
    }
    if (failure !== undefined)
      throw new Error(`damaged video (at ${(at - startSeconds).toFixed(2)} s: ${failure.message})`);
  } finally {
    for (const { frame } of ready.splice(0)) frame.close();
    if (decoder.state !== 'closed') decoder.close();
  }
}

/**
 * Whether no other frame refers to the one in this packet, so that it may be left out: H.264 with `nal_ref_idc` 0 (ITU-T H.264, 7.4.1), H.265 sub-layer
 * non-reference pictures (ITU-T H.265, table 7-1), where units come with their lengths. It must use nothing but its arguments.
 */
export function isDisposable(data: Uint8Array, { codec, description }: VideoDecoderConfig): boolean {
  const isAvc = /^avc[13]/.test(codec);
  if (description === undefined || !(isAvc || /^(hvc|hev)1/.test(codec))) return false;
  const record = ArrayBuffer.isView(description)
    ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength)
    : new Uint8Array(description);
  const numLengthBytes = ((record[isAvc ? 4 : 21] ?? 3) & 3) + 1;
  let hasPicture = false;
  for (let at = 0; at + numLengthBytes < data.length; ) {
    let length = 0;
    for (let i = 0; i < numLengthBytes; i++) length = length * 256 + data[at + i]!;
    at += numLengthBytes;
    const head = data[at]!;
    const type = isAvc ? head & 31 : (head >> 1) & 63;
    if (isAvc ? type >= 1 && type <= 5 : type < 32) {
      hasPicture = true;
      if (isAvc ? ((head >> 5) & 3) !== 0 : type > 14 || type % 2 === 1) return false;
    }
    at += length;
  }
  return hasPicture;
}
