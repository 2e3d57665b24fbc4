/** @file A search library as a memory: what was indexed can be recalled. */
import type { Library } from '../search/index.ts';
import type { Memory } from './memory.ts';

/** Remembers what a library holds, now and as it grows. Its files have no names, so they lead to no facts. */
export function memoryOfLibrary(library: Library): Memory {
  return {
    encoderId: library.encoderId,
    async nearest(modality, vector, top) {
      const hits = await library.nearest(vector, top, { kinds: [modality] });
      return hits.map(({ path, score }) => ({ modality, path, score }));
    },
  };
}
