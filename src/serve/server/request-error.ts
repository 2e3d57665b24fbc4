/** @file A request that cannot be answered, with the status and kind that say why. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ApiErrorKind } from '../protocol/index.ts';

/** Thrown by a handler; the message is shown to the person. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: ContentfulStatusCode;
  readonly kind: ApiErrorKind;

  constructor(status: ContentfulStatusCode, kind: ApiErrorKind, message: string) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}
