/** The workers of all that is raced, by the names of packages. @module */
export const WORKERS: Readonly<Record<string, URL>> = {
  kedge: new URL('./workers/kedge.ts', import.meta.url),
  bentocache: new URL('./workers/bentocache.ts', import.meta.url),
  cacheable: new URL('./workers/cacheable.ts', import.meta.url),
  '@unkey/cache': new URL('./workers/unkey.ts', import.meta.url),
  'layered-loader': new URL('./workers/layered-loader.ts', import.meta.url),
  'async-cache-dedupe': new URL('./workers/async-cache-dedupe.ts', import.meta.url),
  '@epic-web/cachified': new URL('./workers/cachified.ts', import.meta.url),
}
