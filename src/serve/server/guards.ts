/**
 * @file Who may ask. A page on another site can make a browser send requests to this machine: by a name that it points at
 * 127.0.0.1 (DNS rebinding), or plainly across sites. Both are refused, and answers may not be embedded elsewhere.
 */
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { RequestError } from './request-error.ts';

/** The host of a Host header, without port and brackets, in lower case. */
function hostOf(header: string): string {
  return header
    .trim()
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/**
 * Lets a request pass if its Host header is an address, `localhost`, or one of `names`. An address cannot be rebound, a name
 * of the attacker's can.
 */
export function checkHost(names: readonly string[]): MiddlewareHandler {
  const allowed = new Set(names.map((name) => hostOf(name)));
  return async (context, next) => {
    const header = context.req.header('host') ?? new URL(context.req.url).host;
    const host = hostOf(header);
    const ours = isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || allowed.has(host);
    if (!ours) {
      throw new RequestError(
        403,
        'forbidden',
        `the host "${host}" is not one that this server answers to; use localhost, or start it with --host ${host}`,
      );
    }
    await next();
  };
}

/** Refuses requests that a browser marks as made by another site, except a person following a link to the page. */
export function refuseCrossSite(): MiddlewareHandler {
  return async (context, next) => {
    const site = context.req.header('sec-fetch-site');
    const isNavigation = context.req.header('sec-fetch-mode') === 'navigate' && context.req.method === 'GET';
    if (site === 'cross-site' && !isNavigation) {
      throw new RequestError(403, 'forbidden', 'requests from other sites are not answered');
    }
    await next();
  };
}

/** Everything on the page comes from this server; styles may be set by script, nothing else may. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page may ask the person for the microphone and the camera, to search by what they take; nothing else, and no page within it. */
const pagePermissions = 'microphone=(self), camera=(self), geolocation=(), display-capture=(), usb=(), serial=()';

/** A picture is shown and nothing more: what an SVG carries neither runs nor loads anything. */
export const filePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** Headers of every answer; an answer may have set its own policy. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const headers = context.res.headers;
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', pagePolicy);
    headers.set('x-content-type-options', 'nosniff');
    headers.set('cross-origin-resource-policy', 'same-origin');
    headers.set('cross-origin-opener-policy', 'same-origin');
    headers.set('referrer-policy', 'no-referrer');
    headers.set('x-frame-options', 'DENY');
    headers.set('permissions-policy', pagePermissions);
  };
}
