/** @file How the example is bundled: `npx vite build examples/browser` or `npx vite examples/browser`; nothing is fetched from elsewhere. */
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
