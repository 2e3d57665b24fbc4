/** @file Puts the handlers on a socket. */
import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

/** Where the page is served unless the person says otherwise. */
export const defaultPort = 7431;

/** Only this machine, unless the person says otherwise. */
export const defaultHost = '127.0.0.1';

/** A server that is up. */
export interface Listening {
  /** What to open in a browser: `http://localhost:7431`. */
  readonly url: string;
  readonly port: number;
  /** Stops taking requests and ends those under way. */
  close(): Promise<void>;
}

/** Thrown when the socket cannot be had; the message names the fix. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** The names under which a server bound to `host` may be asked, besides `localhost`. */
export function hostNamesOf(host: string): string[] {
  const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return isLocal ? [] : [host, hostname(), `${hostname()}.local`];
}

/**
 * Listens; port 0 takes any free port.
 * @throws ListenError if the port is taken or may not be had.
 */
export async function listen(app: Hono, options: { readonly host: string; readonly port: number }): Promise<Listening> {
  const { host, port } = options;
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.requestTimeout = 60_000;
  server.headersTimeout = 15_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, host, port)));
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const isLocal = hostNamesOf(host).length === 0 || host === '0.0.0.0' || host === '::';
  const shown = isLocal ? 'localhost' : isIPv6(host) ? `[${host}]` : host;
  return {
    url: `http://${shown}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const options = { cause: error };
  if (error.code === 'EADDRINUSE') {
    return new ListenError(
      `port ${port} is already in use, maybe by another sensorium; stop that, or choose another port: --port ${port + 1}`,
      options,
    );
  }
  if (error.code === 'EACCES') {
    return new ListenError(
      `port ${port} needs more rights than this user has; choose one above 1023: --port 7431`,
      options,
    );
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ListenError(`--host ${host} is not an address of this machine; leave it out for 127.0.0.1`, options);
  }
  return error;
}
