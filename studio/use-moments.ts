/** @file All moments of the file that is open, with how well each answers what was asked. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FileMoment } from '../src/serve/protocol/index.ts';
import type { Asked } from './asked.ts';
import { momentsOf } from './client.ts';

/** The moments of a file, or nothing while they are not known; files that were looked at before are known at once. */
export function useMoments(id: string | undefined, asked: Asked): readonly FileMoment[] | undefined {
  const known = useRef({ asked, ofFile: new Map<string, readonly FileMoment[]>() });
  const [, setCount] = useState(0);
  if (known.current.asked !== asked) known.current = { asked, ofFile: new Map() };
  useEffect(() => {
    const { ofFile } = known.current;
    if (id === undefined || ofFile.has(id)) return;
    const controller = new AbortController();
    momentsOf(id, asked, controller.signal).then(
      ({ moments }) => {
        ofFile.set(id, moments);
        setCount((count) => count + 1);
      },
      // Without them the file can be looked at all the same.
      () => {},
    );
    return () => controller.abort();
  }, [id, asked]);
  return id === undefined ? undefined : known.current.ofFile.get(id);
}
