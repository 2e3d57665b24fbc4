/** @file What a request asks for, read from its address and body, or refused with the rule that it breaks. */
import type { Context } from 'hono';
import * as z from 'zod/mini';
import {
  fileKind,
  type MomentKey,
  maxTextLength,
  partsOf,
  type QueryPart,
  queryParts,
  segmentKind,
} from '../protocol/index.ts';
import { RequestError } from './request-error.ts';
import type { Filter, Part } from './service.ts';

/** The largest file that may be sent as a query, in bytes. */
export const maxQueryBytes = 20_000_000;

/** What a form may have around its file, in bytes. */
export const maxFormBytes = 100_000;

/** Hits that are returned if the request does not say, and at most. */
const defaultTop = 24;
const maxTop = 200;

/** The most tags of a filter, and the most characters of one. */
const maxTags = 16;
const maxTagLength = 200;

const segmentKinds = z.array(segmentKind);
const fileKinds = z.array(fileKind);

function badRequest(message: string): RequestError {
  return new RequestError(400, 'bad-request', message);
}

/** Why a file is refused that is above the limit. */
export function tooLarge(): RequestError {
  const message = `a file to search by may have at most ${maxQueryBytes / 1e6} MB; this one has more`;
  return new RequestError(413, 'too-large', message);
}

/** How many hits are wanted. */
export function topOf(context: Context): number {
  return wholeNumber(context.req.query('top'), 'top', { from: 1, to: maxTop, otherwise: defaultTop });
}

/** A whole number of the address. @throws RequestError if it is none, or out of range. */
export function wholeNumber(
  given: string | undefined,
  name: string,
  { from, to, otherwise }: { from: number; to: number; otherwise: number },
): number {
  if (given === undefined) return otherwise;
  const value = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw badRequest(`${name} must be a whole number from ${from} to ${to}, got "${given.slice(0, 40)}"`);
}

/** What the address asks for: `text`, `not` and `like` (the id of a file, a dot, the place of the segment). @throws RequestError */
export function partsOfAddress(context: Context): Part[] {
  const { text, not, like } = context.req.query();
  const parts = partsOf({
    ...(text === undefined ? {} : { text: textOf(text) }),
    ...(not === undefined ? {} : { not: textOf(not) }),
    ...(like === undefined || like === '' ? {} : { like: likeOf(like) }),
  });
  if (parts.length > 0) return parts.map((part) => bound(part, new Map()));
  throw badRequest('search needs a text: /api/search?text=a+slice+of+pizza, or like=');
}

function textOf(given: string): string {
  const text = given.trim();
  if (text.length <= maxTextLength) return text;
  throw badRequest(`a text may have at most ${maxTextLength} characters, got ${text.length}`);
}

function likeOf(given: string): MomentKey {
  const [, id, segment] = /^([\w-]{1,64})\.(\d{1,9})$/.exec(given) ?? [];
  if (id !== undefined && segment !== undefined) return { id, segment: Number(segment) };
  throw badRequest(`like must be the id of a file, a dot and the place of a segment, got "${given.slice(0, 80)}"`);
}

/**
 * What a body asks for: a file by itself, or a form with files and the field `query`, JSON parts that name them. A form without `query` is a file in the
 * field `file`.
 * @throws RequestError
 */
export async function partsOfBody(context: Context): Promise<Part[]> {
  if (!/^multipart\/form-data/i.test(context.req.header('content-type') ?? '')) {
    return [{ media: checkedFile(new Uint8Array(await context.req.arrayBuffer())) }];
  }
  const form = await context.req.parseBody().catch((error: unknown) => {
    if (error instanceof RequestError) throw error;
    throw badRequest('the form cannot be read');
  });
  const asked = Object.hasOwn(form, 'query') ? jsonParts(form.query) : [{ file: 'file' }];
  const files = new Map<string, Uint8Array>();
  for (const part of asked) {
    if (!('file' in part) || files.has(part.file)) continue;
    const field = Object.hasOwn(form, part.file) ? form[part.file] : undefined;
    if (!(field instanceof File)) throw badRequest(`the form needs a file named "${part.file}"`);
    files.set(part.file, checkedFile(new Uint8Array(await field.arrayBuffer())));
  }
  return asked.map((part) => bound(part, files));
}

function checkedFile(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw badRequest('no file came with the request');
  if (bytes.length > maxQueryBytes) throw tooLarge();
  return bytes;
}

function jsonParts(field: unknown): QueryPart[] {
  if (typeof field !== 'string') throw badRequest('the field "query" must be text: a JSON array of parts');
  if (field.length > maxFormBytes / 2) throw badRequest('the field "query" is too long');
  let value: unknown;
  try {
    value = JSON.parse(field);
  } catch {
    throw badRequest('the field "query" must be a JSON array of parts; it is no JSON');
  }
  const parsed = queryParts.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.length ? ` at ${issue.path.join('.')}` : '';
  throw badRequest(
    `the field "query" must be 1 to 16 parts, each {text}, {file} or {like: {id, segment}} with a weight in [-10, 10]${at}: ${issue?.message ?? 'it is not'}`,
  );
}

function bound(part: QueryPart, files: ReadonlyMap<string, Uint8Array>): Part {
  const { weight } = part;
  if ('text' in part) return { text: part.text, weight };
  if ('like' in part) return { like: part.like, weight };
  return { media: files.get(part.file) ?? new Uint8Array(), weight };
}

/** Which segments are wanted. @throws RequestError for a kind, time or length that is none. */
export function filterOf(context: Context): Filter {
  const { kind, type, folder, from, before, min, max } = context.req.query();
  const tags = context.req.queries('tag')?.filter((tag) => tag !== '') ?? [];
  if (tags.length > maxTags || tags.some((tag) => tag.length > maxTagLength)) {
    throw badRequest(`at most ${maxTags} tags of at most ${maxTagLength} characters may be asked for`);
  }
  if (folder !== undefined && !/^[\w-]{0,64}$/.test(folder)) {
    throw badRequest('folder must be an id that /api/facets gives');
  }
  const optional = <K extends keyof Filter>(name: K, value: Filter[K] | undefined) =>
    value === undefined ? {} : { [name]: value };
  return {
    ...optional('kinds', listOf(kind, segmentKinds, 'kind must name image, audio, video or text')),
    ...optional('fileKinds', listOf(type, fileKinds, 'type must name image, audio, video or document')),
    ...optional('folder', folder === '' ? undefined : folder),
    ...optional('tags', tags.length === 0 ? undefined : tags),
    ...optional('modifiedFromMs', numberOf(from, 'from', 'milliseconds since 1970')),
    ...optional('modifiedBeforeMs', numberOf(before, 'before', 'milliseconds since 1970')),
    ...optional('minSeconds', numberOf(min, 'min', 'seconds')),
    ...optional('maxSeconds', numberOf(max, 'max', 'seconds')),
  };
}

/** Kinds as `image,audio`; nothing if the request does not say. */
function listOf<T>(given: string | undefined, list: z.ZodMiniType<T[]>, rule: string): T[] | undefined {
  if (given === undefined || given === '') return undefined;
  const parsed = list.safeParse(given.split(',').slice(0, 20));
  if (parsed.success) return parsed.data;
  throw badRequest(`${rule}, got "${given.slice(0, 40)}"`);
}

function numberOf(given: string | undefined, name: string, unit: string): number | undefined {
  if (given === undefined || given === '') return undefined;
  if (/^-?\d{1,15}(\.\d{1,9})?$/.test(given)) return Number(given);
  throw badRequest(`${name} must be a number of ${unit}, got "${given.slice(0, 40)}"`);
}
