import { fileURLToPath } from 'node:url'

const handler = fileURLToPath(new URL('cache-handler.js', import.meta.url))

/** @type {import('next').NextConfig} */
export default {
  cacheComponents: true,
  partialPrefetching: true,
  // `'use cache'` and `'use cache: remote'`.
  cacheHandlers: { default: handler, remote: handler },
  turbopack: { root: import.meta.dirname },
}
