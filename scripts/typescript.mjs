/**
 * @file Lets Node run the TypeScript of this repository from its sources: `node --import ./scripts/typescript.mjs file.ts`.
 * Types are erased, not checked. For benches, examples and experiments; the package itself is built ahead of time.
 */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
