/** Ids that nothing else has. @module */
import type { Runtime } from '../ports/runtime.ts'

/** 128 random bits as 32 hexadecimal digits. It tells apart, and is no secret. */
export const randomId = (runtime: Pick<Runtime, 'random'>): string =>
  Array.from({ length: 4 }, () =>
    Math.floor(runtime.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
