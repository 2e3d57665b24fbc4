/** @file What is asked for, and what is chosen among the answers: as the page holds it, as the address of the page keeps it, and as the server takes it. */
import {
  type AskedTogether,
  type FileKind,
  type MomentKey,
  maxTextLength,
  partsOf,
  type QueryPart,
  type SegmentKind,
} from '../src/serve/protocol/index.ts';

/** A file that is asked with. */
export interface AskedFile {
  readonly blob: Blob;
  readonly name: string;
}

/** Something found before that is asked with. */
export interface AskedFind extends MomentKey {
  /** The name of its file; empty where only the address tells of it. */
  readonly name: string;
}

/** What is looked for: a text, a file or a find, or a text beside one of these; and what is not wanted. */
export interface Asked {
  readonly text: string;
  readonly not: string;
  readonly file?: AskedFile;
  readonly like?: AskedFind;
}

/** What is chosen among the answers; everything by default. */
export interface Choice {
  readonly kind?: SegmentKind;
  readonly type?: FileKind;
  /** The id of a folder. */
  readonly folder?: string;
  readonly tags: readonly string[];
  /** The first and the last day of the last change, `2024-05-01`. */
  readonly from?: string;
  readonly to?: string;
  /** Seconds from and to, `10-60`, `600-`. */
  readonly length?: string;
}

/** Nothing asked. */
export const nothingAsked: Asked = { text: '', not: '' };

/** Everything wanted. */
export const anything: Choice = { tags: [] };

/** Whether there is something to look for. */
export function isAsking({ text, file, like }: Asked): boolean {
  return text.trim() !== '' || file !== undefined || like !== undefined;
}

/** How many filters are set, beside the kind. */
export function numChosen({ type, folder, tags, from, to, length }: Choice): number {
  const single = [type, folder, from ?? to, length].filter((value) => value !== undefined);
  return single.length + tags.length;
}

const kinds: readonly string[] = ['image', 'audio', 'video', 'text'] satisfies SegmentKind[];
const types: readonly string[] = ['image', 'audio', 'video', 'document'] satisfies FileKind[];

/** What an address asks for; what it has that makes no sense is passed over. */
export function fromAddress(search: string): { asked: Asked; choice: Choice } {
  const values = new URLSearchParams(search);
  const matching = <K extends string>(key: string, pattern: RegExp, name: K) => {
    const value = values.get(key) ?? '';
    return pattern.test(value) ? ({ [name]: value } as Record<K, string>) : {};
  };
  const [, id, segment] = /^([\w-]{1,64})\.(\d{1,9})$/.exec(values.get('like') ?? '') ?? [];
  const like = id === undefined ? {} : { like: { id, segment: Number(segment), name: '' } };
  const kind = values.get('kind') ?? '';
  const type = values.get('type') ?? '';
  return {
    asked: {
      text: values.get('q')?.slice(0, maxTextLength) ?? '',
      not: values.get('not')?.slice(0, maxTextLength) ?? '',
      ...like,
    },
    choice: {
      tags: values.getAll('tag').filter((tag) => tag !== ''),
      ...(kinds.includes(kind) ? { kind: kind as SegmentKind } : {}),
      ...(types.includes(type) ? { type: type as FileKind } : {}),
      ...matching('folder', /^[\w-]{1,64}$/, 'folder'),
      ...matching('from', /^\d{4}-\d\d-\d\d$/, 'from'),
      ...matching('to', /^\d{4}-\d\d-\d\d$/, 'to'),
      ...matching('length', /^\d{0,6}-\d{0,6}$/, 'length'),
    },
  };
}

/** The search part of the address that keeps all this, `?q=…`; a file cannot be kept there. */
export function toAddress({ text, not, like, file }: Asked, choice: Choice): string {
  const values = new URLSearchParams();
  const set = (key: string, value: string | undefined) => {
    if (value !== undefined && value !== '') values.append(key, value);
  };
  if (isAsking({ text, not, ...(like ? { like } : {}), ...(file ? { file } : {}) })) {
    set('q', text.trim());
    set('not', not.trim());
    if (like !== undefined) set('like', `${like.id}.${like.segment}`);
    for (const key of ['kind', 'type', 'folder', 'from', 'to', 'length'] as const) set(key, choice[key]);
    for (const tag of choice.tags) set('tag', tag);
  }
  const search = values.toString();
  return search === '' ? '' : `?${search}`;
}

/** The parts that a form with the field `file` carries. */
export function toParts({ text, not, file, like }: Asked): QueryPart[] {
  const asked: AskedTogether = {
    text: text.trim(),
    not: not.trim(),
    ...(file === undefined ? {} : { file: 'file' }),
    ...(like === undefined ? {} : { like: { id: like.id, segment: like.segment } }),
  };
  return partsOf(asked);
}

/** What is asked, as the address of a request; without the file. */
export function askedParameters({ text, not, like }: Asked): URLSearchParams {
  const values = new URLSearchParams();
  if (text.trim() !== '') values.set('text', text.trim());
  if (not.trim() !== '') values.set('not', not.trim());
  if (like !== undefined) values.set('like', `${like.id}.${like.segment}`);
  return values;
}

/** What is chosen, as the address of a request. Days are those of the person's clock. */
export function choiceParameters({ kind, type, folder, tags, from, to, length }: Choice): URLSearchParams {
  const values = new URLSearchParams();
  if (kind !== undefined) values.set('kind', kind);
  if (type !== undefined) values.set('type', type);
  if (folder !== undefined) values.set('folder', folder);
  for (const tag of tags) values.append('tag', tag);
  const first = startOfDay(from, 0);
  const end = startOfDay(to, 1);
  if (first !== undefined) values.set('from', String(first));
  if (end !== undefined) values.set('before', String(end));
  const [min = '', max = ''] = length?.split('-') ?? [];
  if (min !== '') values.set('min', min);
  if (max !== '') values.set('max', max);
  return values;
}

function startOfDay(day: string | undefined, daysLater: number): number | undefined {
  if (day === undefined) return undefined;
  const [year, month, date] = day.split('-').map(Number);
  const time = new Date(year!, month! - 1, date! + daysLater).getTime();
  return Number.isNaN(time) ? undefined : time;
}
