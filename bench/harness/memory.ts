/** @file The memory of this process. */
import { readFileSync } from 'node:fs';

/** What this process holds now (`VmRSS`) or has held at most (`VmHWM`), in MiB. */
export function residentMiB(field: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  } catch {
    return field === 'VmRSS' ? process.memoryUsage.rss() / 2 ** 20 : process.resourceUsage().maxRSS / 1024;
  }
}
