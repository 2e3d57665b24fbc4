/** @file Finds and starts the system's Chromium; the project downloads no browser of its own. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const usualPlaces = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/** The browser's path, or nothing; `CHROMIUM` names another. */
export const browserPath = [process.env.CHROMIUM ?? '', ...usualPlaces].find((path) => path !== '' && existsSync(path));

/** Starts it without anything that calls home, with more of its own flags if wanted. */
export async function startBrowser(flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
    args: [
      '--no-sandbox',
      ...(flags.length === 0 ? ['--disable-gpu'] : flags),
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
