/**
 * @file Which container a video lies in, told from its first bytes, and whether the file is there to its end. Readers take what they
 * find, so a file that was cut would pass for a shorter video.
 */
import type { MediaSource } from '../media-source.ts';

/** Containers of video: MP4 and QuickTime; WebM and Matroska. */
export type VideoContainer = 'mp4' | 'matroska';

/** More top-level boxes than this are not walked; long fragmented files have many. */
const maxBoxes = 100_000;

/** The container of these first 16 bytes, or undefined when it is none that can be read. */
export function videoContainer(head: Uint8Array): VideoContainer | undefined {
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) return 'matroska';
  const type = String.fromCharCode(...head.subarray(4, 8));
  return ['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].includes(type) ? 'mp4' : undefined;
}

/** What is missing, or undefined when the file holds all that it announces. */
export async function brokenContainerRule(source: MediaSource, container: VideoContainer): Promise<string | undefined> {
  const end = await (container === 'mp4' ? endOfBoxes(source) : endOfSegment(source));
  if (end === undefined || end <= source.size) return undefined;
  return `it is cut short: its parts need ${end} bytes, the file has ${source.size}`;
}

/** Where the last top-level box ends: each tells its length and its name at the start. */
async function endOfBoxes(source: MediaSource): Promise<number | undefined> {
  let at = 0;
  for (let i = 0; i < maxBoxes && at < source.size; i++) {
    const head = await source.read(at, 16);
    if (head.length < 8) return at + 8;
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    let length = view.getUint32(0);
    if (length === 0) return undefined;
    if (length === 1) {
      if (head.length < 16) return at + 16;
      length = Number(view.getBigUint64(8));
    }
    // What follows the last box is no box.
    if (length < 8) return undefined;
    at += length;
  }
  return at;
}

/** Where the segment ends: behind the EBML header comes one element, whose length may be left open. */
async function endOfSegment(source: MediaSource): Promise<number | undefined> {
  const head = await source.read(0, 4096);
  const header = variableLength(head, 4);
  if (header === undefined) return undefined;
  const segment = header.end + header.value;
  const length = variableLength(head, segment + 4);
  return length?.value === undefined || length.isOpen ? undefined : length.end + length.value;
}

/** An EBML length: as many bytes as the first one has leading zero bits, and one more. */
function variableLength(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number; readonly isOpen: boolean } | undefined {
  const first = bytes[at] ?? 0;
  const numBytes = Math.clz32(first) - 23;
  if (numBytes > 8 || at + numBytes > bytes.length) return undefined;
  const mask = (1 << (8 - numBytes)) - 1;
  let value = first & mask;
  let isOpen = value === mask;
  for (let i = 1; i < numBytes; i++) {
    value = value * 256 + bytes[at + i]!;
    isOpen &&= bytes[at + i] === 0xff;
  }
  return { value, end: at + numBytes, isOpen };
}
