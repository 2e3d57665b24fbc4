/**
 * @file What a decoding process runs, as plain JavaScript, so that it needs no build of its own. It answers each message once: `start` makes
 * a decoder, `decode` and `flush` feed it; `open` and `next` read the sound track of a container with mediabunny and WebCodecs; `probe`
 * tells what it holds.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The formats whose decoder is fed with bytes. */
export type FedFormat = 'mp3' | 'flac' | 'vorbis' | 'opus';

/** What a decoding process is told. */
export type DecodingRequest =
  | { readonly do: 'start'; readonly format: FedFormat }
  | { readonly do: 'decode'; readonly bytes: Uint8Array }
  | { readonly do: 'flush' }
  | { readonly do: 'open'; readonly source: string | Uint8Array; readonly startSeconds: number }
  | { readonly do: 'probe'; readonly source: string | Uint8Array }
  | { readonly do: 'next' };

/** What it answers. */
export interface DecodingReply {
  /** Why it failed; then nothing else is there. */
  readonly error?: string;
  /** Whether WebCodecs is not installed. */
  readonly isMissing?: boolean;
  readonly channels?: readonly Float32Array[];
  readonly sampleRateHz?: number;
  /** When the first sample sounds, if the container says so. */
  readonly startSeconds?: number;
  /** What was damaged among the bytes. */
  readonly problems?: readonly string[];
  /** Whether the sound is over. */
  readonly isEnd?: boolean;
  /** What `open` and `probe` found; the length is what the container promises. */
  readonly durationSeconds?: number | undefined;
  readonly numChannels?: number | undefined;
  /** Undefined where there is no sound track. */
  readonly codec?: string | undefined;
  readonly container?: string;
  readonly hasVideo?: boolean;
}

/** The program's text. */
export function decodingProgram(): string {
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
    const classes = {
      mp3: async () => (await import(${at('mpg123-decoder')})).MPEGDecoder,
      flac: async () => (await import(${at('@wasm-audio-decoders/flac')})).FLACDecoder,
      vorbis: async () => (await import(${at('@wasm-audio-decoders/ogg-vorbis')})).OggVorbisDecoder,
      opus: async () => (await import(${at('ogg-opus-decoder')})).OggOpusDecoder,
    };
    const mediabunny = ${at('mediabunny')};
    const webcodecs = ${optional('@napi-rs/webcodecs')};
    let decoder, input, samples;

    async function soundTrackOf(source) {
      const library = await import(mediabunny);
      const { Input, ALL_FORMATS, BufferSource, FilePathSource, AudioSampleSink } = library.Input ? library : library.default;
      input?.dispose();
      input = new Input({
        formats: ALL_FORMATS,
        source: typeof source === 'string' ? new FilePathSource(source) : new BufferSource(source),
      });
      if (!(await input.canRead())) throw new Error('its parts do not fit together');
      const container = (await input.getFormat()).name;
      const hasVideo = (await input.getPrimaryVideoTrack()) !== null;
      const track = await input.getPrimaryAudioTrack();
      if (track === null) return { container, hasVideo };
      return {
        track,
        AudioSampleSink,
        container,
        hasVideo,
        codec: (await track.getCodec()) ?? 'unknown',
        durationSeconds: await track.computeDuration(),
        numChannels: await track.getNumberOfChannels(),
        sampleRateHz: await track.getSampleRate(),
      };
    }
    const decoded = ({ channelData, samplesDecoded, sampleRate, errors }) => ({
      channels: samplesDecoded > 0 ? channelData.map((channel) => channel.subarray(0, samplesDecoded)) : [],
      sampleRateHz: sampleRate,
      problems: errors.slice(0, 3).map((error) => String(error.message)),
    });
    const actions = {
      async start({ format }) {
        decoder?.free?.();
        decoder = new (await classes[format]())();
        await decoder.ready;
        return {};
      },
      decode: async ({ bytes }) => decoded(await decoder.decode(bytes)),
      async flush() {
        const rest = decoder.flush ? decoded(await decoder.flush()) : { channels: [], problems: [] };
        return { ...rest, isEnd: true };
      },
      async open({ source, startSeconds }) {
        if (webcodecs === undefined) return { error: 'WebCodecs is not installed', isMissing: true };
        try {
          const found = await import(webcodecs);
          for (const name of ['AudioDecoder', 'AudioData', 'EncodedAudioChunk']) {
            globalThis[name] ??= found[name] ?? found.default[name];
          }
        } catch (error) {
          return { error: error.message, isMissing: true };
        }
        const { track, AudioSampleSink, ...found } = await soundTrackOf(source);
        if (track === undefined) return { error: 'it has no sound track' };
        if (!(await track.canDecode())) return { error: 'its sound is coded as ' + found.codec + ', for which there is no decoder' };
        samples = new AudioSampleSink(track).samples(startSeconds);
        return found;
      },
      async probe({ source }) {
        const { container, hasVideo, codec, durationSeconds, numChannels, sampleRateHz } = await soundTrackOf(source);
        return { container, hasVideo, codec, durationSeconds, numChannels, sampleRateHz };
      },
      async next() {
        const channels = [];
        let blocks = 0, length = 0, sampleRateHz, startSeconds;
        const parts = [];
        // A coded frame is short; several go into one answer.
        while (length < 32768) {
          const { value: sample, done } = await samples.next();
          if (done) break;
          startSeconds ??= sample.timestamp;
          sampleRateHz ??= sample.sampleRate;
          const part = [];
          for (let planeIndex = 0; planeIndex < sample.numberOfChannels; planeIndex++) {
            const plane = new Float32Array(sample.numberOfFrames);
            sample.copyTo(plane, { planeIndex, format: 'f32-planar' });
            part.push(plane);
          }
          length += sample.numberOfFrames;
          sample.close();
          if (parts.length > 0 && part.length !== parts[0].length) throw new Error('its number of channels changes');
          parts.push(part);
        }
        if (parts.length === 0) return { channels: [], isEnd: true };
        for (let c = 0; c < parts[0].length; c++) {
          const channel = new Float32Array(length);
          let to = 0;
          for (const part of parts) {
            channel.set(part[c], to);
            to += part[c].length;
          }
          channels.push(channel);
        }
        return { channels, sampleRateHz, startSeconds };
      },
    };
    // WebCodecs alone does not keep the process alive.
    setInterval(() => {}, 60_000);
    process.on('message', (request) => {
      actions[request.do](request).then(
        (reply) => process.send(reply),
        (error) => process.send({ error: String(error?.message ?? error) }),
      );
    });
  `;
}
