/** All that is raced, kedge first. @module */
import type { Subject } from '../subject.ts'
import { asyncCacheDedupe } from './async-cache-dedupe.ts'
import { bentocache } from './bentocache.ts'
import { cacheable } from './cacheable.ts'
import { cachified } from './cachified.ts'
import { kedge } from './kedge.ts'
import { layeredLoader } from './layered-loader.ts'
import { unkey } from './unkey.ts'

export const SUBJECTS: readonly Subject[] = [
  kedge,
  bentocache,
  cacheable,
  unkey,
  layeredLoader,
  asyncCacheDedupe,
  cachified,
]
