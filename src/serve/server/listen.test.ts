/** @file The socket: which addresses, and what is said when it cannot be had. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { hostNamesOf, ListenError, listen } from './listen.ts';

const app = new Hono().get('/', (context) => context.text('here'));

describe('listen', () => {
  it('serves at the address that it gives', async () => {
    const listening = await listen(app, { host: '127.0.0.1', port: 0 });
    expect(listening.url).toBe(`http://localhost:${listening.port}`);
    expect(await (await fetch(`http://127.0.0.1:${listening.port}/`)).text()).toBe('here');
    await listening.close();
    await expect(fetch(`http://127.0.0.1:${listening.port}/`)).rejects.toThrow();
  });

  it('names the fix when the port is taken', async () => {
    const first = await listen(app, { host: '127.0.0.1', port: 0 });
    const second = listen(app, { host: '127.0.0.1', port: first.port });
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(`--port ${first.port + 1}`);
    await first.close();
  });

  it('says that an address is not this machine’s', async () => {
    await expect(listen(app, { host: '192.0.2.1', port: 0 })).rejects.toThrow(/--host 192\.0\.2\.1/);
  });
});

describe('hostNamesOf', () => {
  it('adds names only where others may reach the server', () => {
    expect(hostNamesOf('127.0.0.1')).toEqual([]);
    expect(hostNamesOf('localhost')).toEqual([]);
    expect(hostNamesOf('pictures.example')).toContain('pictures.example');
  });
});
