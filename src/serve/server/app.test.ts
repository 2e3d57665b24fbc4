/** @file The handlers without a socket, over a service that is told what to answer. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MediaError } from '../../engine/core/index.ts';
import {
  apiError,
  facets,
  momentsResponse,
  refusedResponse,
  type Status,
  searchResponse,
  status,
} from '../protocol/index.ts';
import { createApp } from './app.ts';
import { maxFormBytes, maxQueryBytes } from './search-request.ts';
import { type Filter, NotFoundError, NotReadyError, type Part, type SearchService } from './service.ts';

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
let folder: string;
let app: Awaited<ReturnType<typeof createApp>>;
const asked: { parts: readonly Part[]; top?: number; filter?: Filter; id?: string }[] = [];
const faults: unknown[] = [];

const state: Status = {
  library: { name: 'pictures', files: 2, refused: 1, kinds: { image: 2, audio: 0, video: 0, document: 0 } },
  encoder: { state: 'ready', id: 'test' },
  indexing: {
    state: 'done',
    done: 2,
    total: 2,
    filesPerSecond: null,
    mediaHoursPerHour: null,
    secondsLeft: null,
    skipped: 0,
  },
};

const soundFile = fileURLToPath(new URL('../../../test/fixtures/media/audio-tones.flac', import.meta.url));

const found = {
  kind: 'image' as const,
  fileKind: 'image' as const,
  startSeconds: 0,
  endSeconds: 0,
  keyFrameSeconds: 0,
  page: 0,
  passage: null,
  hasThumbnail: true,
  segment: 0,
  standing: 1,
  hasWords: false,
  id: 'aa',
  name: 'a.svg',
  score: 0.5,
  width: 36,
  height: 36,
  durationSeconds: 0,
  format: 'svg',
  tags: [],
  modifiedAt: '2026-01-01T00:00:00.000Z',
};

const { startSeconds, endSeconds, keyFrameSeconds, page, score, standing } = found;
const moment = { startSeconds, endSeconds, keyFrameSeconds, page, score, standing, segment: 3, hasThumbnail: true };

const service: SearchService = {
  status: () => state,
  onStatus: () => () => {},
  async search(parts, top, filter) {
    asked.push({ parts, top, ...(filter === undefined ? {} : { filter }) });
    for (const part of parts) {
      if ('media' in part && part.media[0] === 0x62) throw new MediaError('the picture: not a picture');
      if ('text' in part && part.text === 'not ready') throw new NotReadyError('no encoder');
      if ('text' in part && part.text === 'fault') throw new Error('secret path /root/x');
    }
    if (filter?.folder === 'nowhere') throw new NotFoundError('the library has no such folder');
    return { hits: [found], weaker: [], searched: 2, notice: null };
  },
  async momentsOf(id, parts) {
    asked.push({ parts, id });
    if (id !== 'aa') throw new NotFoundError('the library has no such file');
    return [{ ...moment, kind: 'video' }];
  },
  async facets() {
    return {
      kinds: state.library.kinds,
      folders: [{ id: 'f', name: 'trip', files: 1 }],
      tags: [],
      modifiedMs: null,
      longestSeconds: 0,
    };
  },
  async refused(offset, limit) {
    return { total: 9, files: [{ name: `${offset}`, folder: '', reason: `${limit}` }] };
  },
  async thumbnailOf(id, segment) {
    return id === 'aa' && segment === 0 ? Uint8Array.of(82, 73, 70, 70) : undefined;
  },
  async fileOf(id) {
    if (id === 'sound') return { path: soundFile, kind: 'audio' };
    const files: Record<string, string> = { aa: 'a.svg', gone: 'gone.png', link: 'link.png', folder: '.' };
    return Object.hasOwn(files, id) ? { path: join(folder, files[id] ?? ''), kind: 'image' } : undefined;
  },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'app-'));
  await writeFile(join(folder, 'a.svg'), svg);
  await writeFile(join(folder, 'index.html'), '<title>page</title>');
  await symlink('/etc/passwd', join(folder, 'link.png'));
  app = await createApp({
    service,
    pageDirectory: folder,
    hostNames: ['pictures.example'],
    onFault: (e) => faults.push(e),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const get = (path: string, headers: Record<string, string> = {}) =>
  app.request(path, { headers: { host: 'localhost:7431', ...headers } });
const post = (path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  app.request(path, { method: 'POST', body, headers: { host: 'localhost:7431', ...headers } });

/** The kind and message of an answer that must have the given status. */
const failureOf = async (response: Response, expected: number) => {
  expect(response.status).toBe(expected);
  return apiError.parse(await response.json()).error;
};

describe('GET /api/status', () => {
  it('says how the library, the encoder and the indexing are', async () => {
    const response = await get('/api/status');
    expect(status.parse(await response.json())).toEqual(state);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('GET /api/events', () => {
  it('begins with the status as it is', async () => {
    const response = await get('/api/events');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    expect(new TextDecoder().decode(value)).toContain('"files":2');
  });
});

describe('GET /api/search', () => {
  it('searches the trimmed text', async () => {
    const response = await get('/api/search?text=%20a%20slice%20of%20pizza%20&top=7');
    expect(response.status).toBe(200);
    expect(searchResponse.parse(await response.json()).hits[0]?.name).toBe('a.svg');
    expect(asked.at(-1)).toEqual({ parts: [{ text: 'a slice of pizza', weight: 1 }], top: 7, filter: {} });
  });

  it('refuses a missing text, a very long one, and a top that is no count', async () => {
    for (const query of ['', '?text=', '?text=%20%20', `?text=${'a'.repeat(1001)}`]) {
      expect((await failureOf(await get(`/api/search${query}`), 400)).kind).toBe('bad-request');
    }
    for (const top of ['0', '201', '-1', '1.5', '1e2', 'NaN', '', '99999999999999999999']) {
      expect((await failureOf(await get(`/api/search?text=a&top=${top}`), 400)).message).toContain('top must be');
    }
  });

  it('hands on the kinds that are wanted, and refuses others', async () => {
    expect((await get('/api/search?text=a&kind=audio,video')).status).toBe(200);
    expect(asked.at(-1)?.filter).toEqual({ kinds: ['audio', 'video'] });
    for (const kind of ['smell', 'audio,', 'Image']) {
      expect((await failureOf(await get(`/api/search?text=a&kind=${kind}`), 400)).message).toContain('kind must name');
    }
  });

  it('hands on every filter, and refuses what is no date, length, folder or tag', async () => {
    const all =
      'kind=video&type=video,document&folder=f-1_&tag=sea&tag=sun&from=-5&before=1700000000000&min=1.5&max=60';
    expect((await get(`/api/search?text=a&${all}`)).status).toBe(200);
    expect(asked.at(-1)?.filter).toEqual({
      kinds: ['video'],
      fileKinds: ['video', 'document'],
      folder: 'f-1_',
      tags: ['sea', 'sun'],
      modifiedFromMs: -5,
      modifiedBeforeMs: 1700000000000,
      minSeconds: 1.5,
      maxSeconds: 60,
    });
    expect((await get('/api/search?text=a&type=&folder=&tag=&from=&before=&min=&max=')).status).toBe(200);
    expect(asked.at(-1)?.filter).toEqual({});
    const wrong = ['type=text', 'folder=../etc', 'folder=%2Fetc', 'from=today', 'before=1e9', 'min=-', 'max=NaN'];
    wrong.push(`tag=${'a'.repeat(201)}`, Array.from({ length: 17 }, (_, i) => `tag=${i}`).join('&'), 'max=Infinity');
    for (const filter of wrong) {
      expect((await failureOf(await get(`/api/search?text=a&${filter}`), 400)).kind, filter).toBe('bad-request');
    }
    expect((await failureOf(await get('/api/search?text=a&folder=nowhere'), 404)).kind).toBe('not-found');
  });

  it('takes what is not wanted, and what was found before, and refuses a find that cannot be', async () => {
    expect((await get('/api/search?text=at+night&not=people&like=aa.12')).status).toBe(200);
    expect(asked.at(-1)?.parts).toEqual([
      { like: { id: 'aa', segment: 12 }, weight: 1 },
      { text: 'at night', weight: 0.7 },
      { text: 'people', weight: -0.5 },
    ]);
    for (const like of ['aa', 'aa.', '.1', 'aa.-1', 'aa.1.2', '../x.1', `${'a'.repeat(65)}.1`, 'aa.9999999999']) {
      expect((await failureOf(await get(`/api/search?like=${like}`), 400)).message, like).toContain('like must be');
    }
    expect((await failureOf(await get('/api/search?not=people'), 400)).message).toContain('search needs a text');
  });

  it('tells a missing encoder from a fault of ours, and keeps the fault to the log', async () => {
    expect(await failureOf(await get('/api/search?text=not+ready'), 503)).toEqual({
      kind: 'not-ready',
      message: 'no encoder',
    });
    const fault = await failureOf(await get('/api/search?text=fault'), 500);
    expect(fault.kind).toBe('internal');
    expect(fault.message).not.toContain('secret');
    expect(String(faults.at(-1))).toContain('secret');
  });
});

describe('POST /api/search', () => {
  it('takes a picture as the body', async () => {
    const response = await post('/api/search?top=3', new Uint8Array([1, 2, 3]), { 'content-type': 'image/png' });
    expect(response.status).toBe(200);
    expect(asked.at(-1)).toEqual({ parts: [{ media: new Uint8Array([1, 2, 3]) }], top: 3, filter: {} });
  });

  it('takes a picture as a field of a form', async () => {
    const form = new FormData();
    form.set('file', new File([new Uint8Array([4, 5])], '../../x.png'));
    expect((await post('/api/search', form)).status).toBe(200);
    expect(asked.at(-1)?.parts).toEqual([{ media: new Uint8Array([4, 5]) }]);
  });

  it('takes several parts that name files, finds and texts', async () => {
    const form = new FormData();
    form.set('picture', new File([new Uint8Array([7])], 'x.png'));
    const parts = [
      { file: 'picture' },
      { text: ' at night ', weight: 0.5 },
      { like: { id: 'aa', segment: 0 }, weight: -1 },
    ];
    form.set('query', JSON.stringify(parts));
    expect((await post('/api/search', form)).status).toBe(200);
    expect(asked.at(-1)?.parts).toEqual([
      { media: new Uint8Array([7]) },
      { text: 'at night', weight: 0.5 },
      { like: { id: 'aa', segment: 0 }, weight: -1 },
    ]);
  });

  it('refuses parts that are none, saying what is wrong', async () => {
    const ask = (query: string) => {
      const form = new FormData();
      form.set('file', new File([new Uint8Array([7])], 'x.png'));
      form.set('query', query);
      return post('/api/search', form);
    };
    const good = { text: 'a' };
    const wrong = [
      ...['', '{', 'null', '1', '{}', '[]', '"text"', '[null]', `${'['.repeat(40000)}`],
      ...[[{}], [{ text: '' }], [{ text: ' ' }], [{ text: 'a'.repeat(1001) }], [{ text: 1 }]].map((one) =>
        JSON.stringify(one),
      ),
      ...[[{ text: 'a', file: 'file' }], [{ file: 'other' }], [{ file: '__proto__' }], [{ file: 'query' }]].map((one) =>
        JSON.stringify(one),
      ),
      ...['-11', '1e400', '"1"', 'null', 'NaN', '0', '-1'].map((weight) => `[{"text":"a","weight":${weight}}]`),
      ...[[{ like: { id: 'aa' } }], [{ like: { id: 'aa', segment: -1 } }], [{ like: { id: 'aa', segment: 0.5 } }]].map(
        (one) => JSON.stringify(one),
      ),
      JSON.stringify(Array.from({ length: 17 }, () => good)),
      JSON.stringify([good, { text: 'b', path: '/etc/passwd' }]),
      `[{"text":"a"}]${' '.repeat(60_000)}`,
    ];
    for (const query of wrong) {
      expect((await failureOf(await ask(query), 400)).kind, query.slice(0, 80)).toBe('bad-request');
    }
    expect((await ask(JSON.stringify([good]))).status).toBe(200);
    const file = new FormData();
    file.set('query', new File(['[{"text":"a"}]'], 'query.json'));
    expect((await failureOf(await post('/api/search', file), 400)).message).toContain('must be text');
  });

  it('refuses an empty body, a form without a picture, a broken form, and what is no picture', async () => {
    expect((await failureOf(await post('/api/search', ''), 400)).message).toContain('no file came');
    const form = new FormData();
    form.set('file', 'text');
    expect((await failureOf(await post('/api/search', form), 400)).message).toContain('"file"');
    const broken = await post('/api/search', 'x', { 'content-type': 'multipart/form-data; boundary=y' });
    expect((await failureOf(broken, 400)).kind).toBe('bad-request');
    expect(await failureOf(await post('/api/search', 'bad'), 400)).toEqual({
      kind: 'media',
      message: 'the picture: not a picture',
    });
  });

  it('refuses more than the limit, whether the size is said, wrong, or streamed', async () => {
    const large = new Uint8Array(maxQueryBytes + 1);
    expect((await failureOf(await post('/api/search', large), 413)).kind).toBe('too-large');
    const huge = maxQueryBytes + maxFormBytes + 1;
    const claimed = await post('/api/search', 'x', { 'content-length': String(huge) });
    expect((await failureOf(claimed, 413)).kind).toBe('too-large');
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1_000_000;
        if (sent > 2 * maxQueryBytes) controller.close();
        else controller.enqueue(new Uint8Array(1_000_000));
      },
    });
    const request = new Request('http://localhost/api/search', {
      method: 'POST',
      body: stream,
      headers: { host: 'localhost', 'transfer-encoding': 'chunked' },
      duplex: 'half',
    } as RequestInit);
    expect((await failureOf(await app.request(request), 413)).kind).toBe('too-large');
    expect(sent).toBeLessThan(1.5 * maxQueryBytes);
  });
});

describe('/api/files/:id/moments', () => {
  it('gives the moments of a file for a text, or for a file that is sent', async () => {
    const byText = momentsResponse.parse(await (await get('/api/files/aa/moments?text=dog&not=cat')).json());
    expect(byText.moments).toEqual([{ ...moment, kind: 'video' }]);
    expect(asked.at(-1)).toEqual({
      id: 'aa',
      parts: [
        { text: 'dog', weight: 1 },
        { text: 'cat', weight: -0.5 },
      ],
    });
    expect((await post('/api/files/aa/moments', new Uint8Array([1, 2]))).status).toBe(200);
    expect(asked.at(-1)).toEqual({ id: 'aa', parts: [{ media: new Uint8Array([1, 2]) }] });
  });

  it('refuses other files, and asking for nothing', async () => {
    expect((await failureOf(await get('/api/files/bb/moments?text=a'), 404)).kind).toBe('not-found');
    expect((await failureOf(await get('/api/files/aa/moments'), 400)).kind).toBe('bad-request');
    expect((await failureOf(await post('/api/files/aa/moments', new Uint8Array(maxQueryBytes + 1)), 413)).kind).toBe(
      'too-large',
    );
  });
});

describe('GET /api/facets and /api/refused', () => {
  it('say what can be chosen, and what could not be indexed, some at a time', async () => {
    expect(facets.parse(await (await get('/api/facets')).json()).folders).toEqual([
      { id: 'f', name: 'trip', files: 1 },
    ]);
    const page = async (query: string) => refusedResponse.parse(await (await get(`/api/refused${query}`)).json());
    expect((await page('')).files).toEqual([{ name: '0', folder: '', reason: '50' }]);
    expect((await page('?offset=7&limit=2')).files).toEqual([{ name: '7', folder: '', reason: '2' }]);
    for (const query of ['offset=-1', 'offset=x', 'limit=0', 'limit=201', 'limit=']) {
      expect((await failureOf(await get(`/api/refused?${query}`), 400)).message).toContain('must be a whole number');
    }
  });
});

describe('GET /api/files/:id', () => {
  it('sends a picture of the library so that nothing in it runs', async () => {
    const response = await get('/api/files/aa');
    expect(await response.text()).toBe(svg);
    expect(response.headers.get('content-type')).toBe('image/svg+xml');
    expect(response.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const again = await get('/api/files/aa', { 'if-none-match': response.headers.get('etag') ?? '' });
    expect(again.status).toBe(304);
  });

  it('sends the range that a player asks for', async () => {
    const range = async (header: string) => {
      const response = await get('/api/files/aa', { range: header });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    const size = svg.length;
    expect(await range('bytes=0-3')).toEqual([206, `bytes 0-3/${size}`, svg.slice(0, 4)]);
    expect(await range('bytes=5-')).toEqual([206, `bytes 5-${size - 1}/${size}`, svg.slice(5)]);
    expect(await range('bytes=-6')).toEqual([206, `bytes ${size - 6}-${size - 1}/${size}`, svg.slice(-6)]);
    expect(await range(`bytes=2-${size + 100}`)).toEqual([206, `bytes 2-${size - 1}/${size}`, svg.slice(2)]);
    expect(await range(`bytes=${size}-`)).toEqual([416, `bytes */${size}`, '']);
    for (const ignored of ['bytes=4-2', 'bytes=-', 'bytes=0-1,4-5', 'lines=0-1', 'bytes=a-b']) {
      expect(await range(ignored), ignored).toEqual([200, null, svg]);
    }
  });

  it('sends the small picture of a segment, and what is small as it is', async () => {
    const small = await get('/api/files/aa/thumbnail?segment=0');
    expect([small.headers.get('content-type'), (await small.arrayBuffer()).byteLength]).toEqual(['image/webp', 4]);
    const itself = await get('/api/files/aa/thumbnail?segment=1');
    expect([itself.headers.get('content-type'), await itself.text()]).toEqual(['image/svg+xml', svg]);
    expect(itself.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
    expect((await get('/api/files/sound/thumbnail')).headers.get('content-type')).toBe('image/svg+xml');
    expect((await get('/api/files/bb/thumbnail?segment=0')).status).toBe(404);
    for (const segment of ['-1', 'x', '1.5', '9'.repeat(20)]) {
      expect((await failureOf(await get(`/api/files/aa/thumbnail?segment=${segment}`), 400)).kind).toBe('bad-request');
    }
  });

  it('draws the waveform of a sound, and of nothing else', async () => {
    const response = await get('/api/files/sound/waveform');
    expect(response.headers.get('content-type')).toBe('image/svg+xml');
    expect((await response.text()).match(/<rect /g)).toHaveLength(96);
    expect((await get('/api/files/sound')).headers.get('content-type')).toBe('audio/flac');
    expect((await get('/api/files/aa/waveform')).status).toBe(404);
    expect((await get('/api/files/bb/waveform')).status).toBe(404);
  });

  it('sends nothing else, however it is asked for', async () => {
    const ids = [
      'bb',
      'gone',
      'link',
      'folder',
      '__proto__',
      'constructor',
      '..',
      '%2e%2e%2fapp.ts',
      '..%2f..%2fetc%2fpasswd',
    ];
    ids.push('%2fetc%2fpasswd', '..%5c..%5cx', '%00', 'aa%00.png', '%c0%ae%c0%ae%c0%af');
    for (const id of ids) {
      const response = await get(`/api/files/${id}`);
      expect(response.status, id).toBe(404);
      expect(await response.text(), id).not.toContain('root:');
    }
  });
});

describe('the page', () => {
  it('is sent with a policy that allows nothing from elsewhere', async () => {
    const response = await get('/');
    expect(await response.text()).toContain('<title>page</title>');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toMatch(/https?:/);
    // The microphone and the camera only for the page itself, and only when the person agrees.
    expect(response.headers.get('permissions-policy')).toContain('microphone=(self), camera=(self)');
  });

  it('gives away no file beside its own', async () => {
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/link.png',
      '/assets/..%2f..%2fetc/passwd',
      '//etc/passwd',
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });
});

describe('the guards', () => {
  it('answer to addresses, localhost and the names that were given', async () => {
    for (const host of [
      'localhost',
      'LOCALHOST:1',
      '127.0.0.1:7431',
      '[::1]:7431',
      '192.168.1.4',
      'pictures.example:80',
    ]) {
      expect((await get('/api/status', { host })).status, host).toBe(200);
    }
  });

  it('refuse any other name, as an attacker would rebind to this machine', async () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example:7431',
      'evil.example:localhost',
      '',
    ]) {
      expect((await failureOf(await get('/api/status', { host }), 403)).kind, host).toBe('forbidden');
    }
  });

  it('refuse what another site asks for, but let a link to the page through', async () => {
    const site = { 'sec-fetch-site': 'cross-site' };
    expect((await get('/api/status', site)).status).toBe(403);
    expect((await post('/api/search', 'x', site)).status).toBe(403);
    expect((await get('/', { ...site, 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });

  it('answer in JSON to what does not exist', async () => {
    expect((await failureOf(await post('/api/nothing', ''), 404)).kind).toBe('not-found');
  });
});
