/**
 * @file What the process runs that reads videos, as plain JavaScript, so that it needs no build of its own. It answers each message once: `open`
 * tells what a file holds, `read` begins to read frames with WebCodecs, exact ones or those that cost least, `next` gives the next ones, made small; `locate` tells
 * when the frames begin that are seen at some moments, for a decoder that only knows those.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type FrameShape, fitFrame, fittedSize } from './fit-frame.ts';
import { type FrameSelection, momentsOf } from './frame-selection.ts';
import { scalePlanar } from './planar-frame.ts';
import { isDisposable, sparseFrames } from './sparse-frames.ts';

/** What the process is told. */
export type VideoRequest =
  | { readonly do: 'open'; readonly source: string | Uint8Array }
  | { readonly do: 'read'; readonly selection: FrameSelection; readonly side: number; readonly isSparse?: boolean }
  | { readonly do: 'next' }
  | { readonly do: 'locate'; readonly selection: FrameSelection }
  | { readonly do: 'close' };

/** What a file holds. */
export interface VideoContent extends FrameShape {
  readonly container: string;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** When the first frame begins and the last one ends, on the container's clock. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** How much later than the whole file the pictures begin: players count from the first of all tracks. */
  readonly delaySeconds: number;
  readonly framesPerSecond: number;
  readonly audio?: { readonly codec: string; readonly sampleRateHz: number; readonly numChannels: number };
  /** The same of the sound. */
  readonly soundDelaySeconds: number;
}

/** A frame that the process has read: its pixels, or none where it is the one before. */
export interface ReadFrame {
  readonly timeSeconds: number;
  readonly fitted?: { readonly data: Uint8Array; readonly width: number; readonly height: number };
  /** Whether it is known to be a key frame. */
  readonly isKey?: boolean;
}

/** What the process answers. */
export interface VideoReply {
  /** Why it failed; then nothing else is there. */
  readonly error?: string;
  /** Whether there is no decoder for it here, which says nothing against the file. */
  readonly isRefused?: boolean;
  readonly content?: VideoContent;
  readonly frames?: readonly ReadFrame[];
  /** Why no frames follow. */
  readonly damage?: string;
  /** Moments, and when the frames seen then begin, on the container's clock. */
  readonly located?: readonly (readonly [timeSeconds: number, frameSeconds: number])[];
  readonly isEnd?: boolean;
}

/** Memory that the process may take, in bytes. */
const maxProcessBytes = 1_500_000_000;

/** The program's text. */
export function videoProgram(): string {
  const require = createRequire(import.meta.url);
  const at = (name: string) => JSON.stringify(pathToFileURL(require.resolve(name)).href);
  const optional = (name: string) => {
    try {
      return at(name);
    } catch {
      return 'undefined';
    }
  };
  return `
    const webcodecs = ${optional('@napi-rs/webcodecs')};
    const fitFrame = ${fitFrame.toString()};
    const fittedSize = ${fittedSize.toString()};
    const scalePlanar = ${scalePlanar.toString()};
    const momentsOf = ${momentsOf.toString()};
    const sparseFrames = ${sparseFrames.toString()};
    const isDisposable = ${isDisposable.toString()};
    let decoderError;
    try {
      const found = webcodecs && (await import(webcodecs));
      if (!found) decoderError = 'WebCodecs is not installed';
      else for (const name of ['VideoDecoder', 'VideoFrame', 'EncodedVideoChunk', 'VideoColorSpace', 'DOMRectReadOnly']) {
        globalThis[name] ??= found[name] ?? found.default[name];
      }
    } catch (error) {
      decoderError = error.message;
    }
    const bunny = await import(${at('mediabunny')});
    const sharpModule = await import(${at('sharp')});
    const sharp = sharpModule.default ?? sharpModule;
    sharp.concurrency(1);
    sharp.cache(false);
    const { Input, ALL_FORMATS, BufferSource, FilePathSource, VideoSample, VideoSampleSink, EncodedPacketSink } = bunny.Input ? bunny : bunny.default;
    let input, track, content, reading, locating;

    /** Moments on the container's clock; before the first frame, the first frame is seen. */
    async function* moments(selection) {
      const { startSeconds, endSeconds } = content;
      if (!selection.keyFrames) {
        for (const moment of momentsOf(selection, endSeconds - startSeconds)) yield [moment, moment + startSeconds];
        return;
      }
      const sink = new EncodedPacketSink(track);
      const options = { verifyKeyPackets: true };
      for (let packet = await sink.getFirstKeyPacket(options); packet; packet = await sink.getNextKeyPacket(packet, options)) {
        yield [packet.timestamp - startSeconds, packet.timestamp];
      }
    }
    /** The sample as RGBA: made small on the way where it comes in planes. */
    async function scaled(sample, side, isQuick) {
      const { width, height } = sample.visibleRect;
      const { matrix, fullRange } = sample.colorSpace;
      if (/^I4/.test(sample.format)) {
        const data = new Uint8Array(sample.allocationSize());
        const layout = await sample.copyTo(data);
        const planar = { format: sample.format, data, layout, width, height, matrix, fullRange };
        const small = await scalePlanar(sharp, planar, ...fittedSize(content, side), isQuick);
        if (small !== undefined) return small;
      }
      const data = new Uint8Array(sample.allocationSize({ format: 'RGBA' }));
      await sample.copyTo(data, { format: 'RGBA' });
      return { data, width, height };
    }
    async function* readFrames(selection, side) {
      const asked = [];
      const times = (async function* () {
        for await (const [moment, time] of moments(selection)) {
          asked.push(moment);
          // Times are rounded in containers.
          yield time + 1e-6;
        }
      })();
      let shown;
      for await (const sample of new VideoSampleSink(track).samplesAtTimestamps(times)) {
        const timeSeconds = asked.shift();
        if (sample === null) {
          if (shown === undefined) throw new Error('there is no frame at ' + timeSeconds.toFixed(3) + ' s');
          yield { timeSeconds };
          continue;
        }
        try {
          if (sample.timestamp === shown) {
            yield { timeSeconds };
            continue;
          }
          const fitted = await fitFrame(sharp, await scaled(sample, side), fittedSize(content, side), content);
          shown = sample.timestamp;
          yield { timeSeconds, fitted };
        } finally {
          sample.close();
        }
      }
    }
    /** Frames as they are decoded, made small while the next ones are. */
    async function* readSparse(selection, side) {
      const { startSeconds, endSeconds } = content;
      const [sink, config] = [new EncodedPacketSink(track), await track.getDecoderConfig()];
      const source = { sink, config, startSeconds, endSeconds, Decoder: VideoDecoder, isDisposable };
      for await (const { frame, timeSeconds, isKey } of sparseFrames(source, selection)) {
        const sample = new VideoSample(frame);
        try {
          const fitted = await fitFrame(sharp, await scaled(sample, side, true), fittedSize(content, side), content);
          yield { timeSeconds: timeSeconds - startSeconds, fitted, isKey };
        } finally {
          sample.close();
        }
      }
    }
    /** The same items, made ahead of the one who takes them. */
    async function* ahead(items, depth) {
      const made = [];
      let [isEnd, isWanted, failure, onMade, onTaken] = [false, true, undefined, () => {}, () => {}];
      (async () => {
        try {
          for await (const item of items) {
            made.push(item);
            onMade();
            while (isWanted && made.length >= depth) await new Promise((resolve) => (onTaken = resolve));
            if (!isWanted) break;
          }
        } catch (error) {
          failure = error;
        }
        isEnd = true;
        onMade();
      })();
      try {
        for (;;) {
          while (made.length === 0 && !isEnd) await new Promise((resolve) => (onMade = resolve));
          if (made.length === 0) break;
          const item = made.shift();
          onTaken();
          yield item;
        }
        if (failure !== undefined) throw failure;
      } finally {
        isWanted = false;
        onTaken();
      }
    }
    async function* locate(selection) {
      const sink = new EncodedPacketSink(track);
      const first = await sink.getFirstPacket({ metadataOnly: true });
      for await (const [moment, time] of moments(selection)) {
        const packet = (await sink.getPacket(time + 1e-6, { metadataOnly: true })) ?? first;
        yield [moment, packet.timestamp];
      }
    }
    const actions = {
      async open({ source }) {
        await actions.close();
        input = new Input({
          formats: ALL_FORMATS,
          source: typeof source === 'string' ? new FilePathSource(source) : new BufferSource(source),
        });
        if (!(await input.canRead())) return { error: 'its parts do not fit together' };
        track = await input.getPrimaryVideoTrack();
        const sound = await input.getPrimaryAudioTrack();
        if (track === null) return { error: sound === null ? 'it has no video track' : 'it has sound but no video track' };
        const startSeconds = await track.getFirstTimestamp();
        const endSeconds = await track.computeDuration();
        const soundSeconds = sound === null ? startSeconds : await sound.getFirstTimestamp();
        const { packetCount, averagePacketRate } = await track.computePacketStats(100);
        if (packetCount === 0) return { error: 'its video track has no frames' };
        content = {
          container: (await input.getFormat()).name,
          codec: (await track.getCodec()) ?? 'unknown',
          width: await track.getCodedWidth(),
          height: await track.getCodedHeight(),
          squareWidth: await track.getSquarePixelWidth(),
          squareHeight: await track.getSquarePixelHeight(),
          rotationDegrees: await track.getRotation(),
          flip: await track.getFlip(),
          hasAlpha: await track.canBeTransparent(),
          startSeconds,
          endSeconds,
          delaySeconds: Math.max(0, startSeconds - soundSeconds),
          soundDelaySeconds: Math.max(0, soundSeconds - startSeconds),
          framesPerSecond: averagePacketRate,
          ...(sound !== null && {
            audio: {
              codec: (await sound.getCodec()) ?? 'unknown',
              sampleRateHz: await sound.getSampleRate(),
              numChannels: await sound.getNumberOfChannels(),
            },
          }),
        };
        return { content };
      },
      async read({ selection, side, isSparse }) {
        if (decoderError !== undefined) return { error: decoderError, isRefused: true };
        if (!(await track.canDecode())) {
          return { error: 'it is coded as ' + content.codec + ', which WebCodecs does not decode here', isRefused: true };
        }
        // WebCodecs gives planes of red, green and blue out as if they were luma and colour differences.
        if ((await track.getColorSpace()).matrix === 'rgb') {
          return { error: 'it is coded as RGB, which WebCodecs does not decode here', isRefused: true };
        }
        // mediabunny puts alpha and colours together on a page's graphics card.
        if (content.hasAlpha) return { error: 'it is transparent, which WebCodecs does not decode here', isRefused: true };
        reading = isSparse ? ahead(readSparse(selection, side), 24) : readFrames(selection, side);
        return {};
      },
      async next() {
        const frames = [];
        const start = performance.now();
        // Small frames travel together.
        while (frames.length < 16 && performance.now() - start < 250) {
          let next;
          try {
            next = await reading.next();
          } catch (error) {
            // What came before the damage is told first.
            return { frames, damage: String(error?.message ?? error), isEnd: true };
          }
          if (next.done) return { frames, isEnd: true };
          frames.push(next.value);
        }
        return { frames };
      },
      async locate({ selection }) {
        locating ??= locate(selection);
        const located = [];
        while (located.length < 16) {
          const { value, done } = await locating.next();
          if (done) return { located, isEnd: true };
          located.push(value);
        }
        return { located };
      },
      async close() {
        await reading?.return();
        await locating?.return();
        input?.dispose();
        input = track = content = reading = locating = undefined;
        return {};
      },
    };
    // WebCodecs alone does not keep the process alive.
    setInterval(() => process.memoryUsage.rss() > ${maxProcessBytes} && process.kill(process.pid, 'SIGKILL'), 100);
    process.on('message', (request) => {
      actions[request.do](request).then(
        (reply) => process.send(reply),
        (error) => process.send({ error: String(error?.message ?? error) }),
      );
    });
    process.on('unhandledRejection', () => {});
  `;
}
