import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLanceStore } from '../../src/apps/search/store/lance-store.ts';
import { acquireWriterLock } from '../../src/apps/search/writer-lock.ts';
import { describeSegmentStore } from './segment-store.ts';

describeSegmentStore('LanceDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sensorium-store-'));
  return {
    open: (options) => openLanceStore(folder, { ...options, lock: () => acquireWriterLock(folder) }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});
